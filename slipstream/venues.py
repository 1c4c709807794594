"""How the venues do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from slipstream.model import Model


class Quoting(Model, frozen=True, kw_only=True):
    """How a venue answers when it is asked for a quote; times in ms, None where none is known."""

    answered: float
    refused: float
    failed: float
    p50_ms: float | None
    p99_ms: float | None


class Rate(Model, frozen=True, kw_only=True):
    """The rate of a venue behind HTTP: `left` of its `requests` in `window_ms` may be made now.

    `rest_ms` is how long it wants to be left alone.
    """

    requests: int
    window_ms: int
    left: int
    rest_ms: int


class Venue(Model, frozen=True, kw_only=True):
    """A venue and its record. Counts fade: each halves every ten minutes.

    `state` is `up`, `open` (passed over) or `halfOpen` (being tried again); `why` is its last
    failure then. `realised` is what landed swaps paid, by what was quoted, on average. Quotes count
    for `discount_bps` hundredths of a percent less when they are ranked.
    """

    name: str
    state: str
    why: str
    routers: Mapping[str, int]
    quotes: Quoting
    won: float
    landed: float
    lost: Mapping[str, float]
    realised: Decimal | None
    landing_ms: int | None
    discount_bps: int
    rate: Rate | None


class Venues(Model, frozen=True, kw_only=True):
    """The venues that orders may go to."""

    venues: tuple[Venue, ...]
