"""How a socket speaks. Our own way changes nothing; others can be put in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.follow import Render, plain


def as_said(message: str | bytes) -> str | bytes:
    """Return the message itself."""
    return message


@dataclass(frozen=True, slots=True)
class Dialect:
    """What translates between a client and us.

    `renders` makes a new `Render` for each order followed, so that one may remember what it has
    shown. `understand` puts a client's message into our own words; what it does not know it
    returns as it is.
    """

    renders: Callable[[], Render] = lambda: plain
    understand: Callable[[str | bytes], str | bytes] = as_said


NATIVE = Dialect()
