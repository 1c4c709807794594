"""An event on its way from the log to followers."""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
    """An event as clients may see it, and as it stands on the log."""

    order_id: str
    version: int
    account: str
    message: bytes
    raw: bytes
