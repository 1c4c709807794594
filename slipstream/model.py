"""The root of all that a gateway answers with."""

from __future__ import annotations

from msgspec import Struct


class Model(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that is what it holds."""
