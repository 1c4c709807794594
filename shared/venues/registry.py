"""Every venue by its name: one line each."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import entry_points
from typing import TypeAlias

from shared.settings import InvalidSettings, MarketSettings
from shared.streams.redis.client import Client
from shared.venues.faults import EVERY_VENUE, parse_faults
from shared.venues.pricing import Terms
from shared.venues.protocol import Venue
from shared.venues.simulated import simulated

Factory: TypeAlias = Callable[[MarketSettings, Client], Venue]

ENTRY_POINTS = "slipstream.venues"

_RAYDIUM = Terms(
    rate_min=Decimal("0.98"),
    rate_max=Decimal("1.02"),
    fee_bps=Decimal(30),
    depth_usd=Decimal(20_000_000),
)
_METEORA = Terms(
    rate_min=Decimal("0.97"),
    rate_max=Decimal("1.02"),
    fee_bps=Decimal(20),
    depth_usd=Decimal(10_000_000),
)

_OUR_OWN: dict[str, Factory] = {
    "raydium": simulated("raydium", _RAYDIUM),
    "meteora": simulated("meteora", _METEORA),
}


def venue_names() -> list[str]:
    """Return the name of every venue that can be opened, third parties' included, sorted."""
    return sorted({*_OUR_OWN, *(entry.name for entry in entry_points(group=ENTRY_POINTS))})


def open_venues(settings: MarketSettings, client: Client) -> dict[str, Venue]:
    """Return the venues that `VENUES` names, in that order. Raises as `chosen_venues` does."""
    return {name: make(settings, client) for name, make in chosen_venues(settings).items()}


def chosen_venues(settings: MarketSettings) -> dict[str, Factory]:
    """Return what opens each venue that `VENUES` names, in that order.

    Raises `InvalidSettings` for a name nobody registered, in `VENUES` or in `VENUE_FAULTS`.
    """
    names = list(filter(None, map(str.strip, settings.venues.split(","))))
    if not names:
        raise InvalidSettings(f"VENUES: names none; there are {', '.join(venue_names())}")
    for venue in parse_faults(settings.venue_faults):
        if venue not in (EVERY_VENUE, *names):
            raise InvalidSettings(f"VENUE_FAULTS: {venue!r} is not among VENUES")
    return {name: _factory(name) for name in names}


def _factory(name: str) -> Factory:
    if name in _OUR_OWN:
        return _OUR_OWN[name]
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        factory: Factory = entry.load()
        return factory
    raise InvalidSettings(f"VENUES: no venue {name!r}; there are {', '.join(venue_names())}")
