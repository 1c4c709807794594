"""Every venue by its name: one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from importlib.metadata import entry_points
from typing import NamedTuple, TypeAlias

from shared.settings import InvalidSettings, MarketSettings
from shared.streams.redis.client import Client
from shared.venues.faults import EVERY_VENUE, parse_faults
from shared.venues.jupiter.venue import open_jupiter
from shared.venues.market.stage import names_of, parse_market
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.opening import SPLIT, open_split, pooled, venues_of
from shared.venues.onchain.opening import Factory as OnChain
from shared.venues.pricing import Terms
from shared.venues.protocol import Venue
from shared.venues.raydium_api.venue import opened as raydium_api
from shared.venues.simulated import simulated

Factory: TypeAlias = Callable[[MarketSettings, Client], Venue]
Opener: TypeAlias = Callable[[MarketSettings, Client, SolanaChain | None], Venue]


class OverHttp(NamedTuple):
    """A venue behind HTTP: `at` is its URL, "" where there is none on the chain; and its maker."""

    at: Callable[[MarketSettings], str]
    make: Callable[[str, MarketSettings, Client, SolanaChain], Venue]


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

_SIMULATED: dict[str, Factory] = {
    "raydium": simulated("raydium", _RAYDIUM),
    "meteora": simulated("meteora", _METEORA),
}

_OVER_HTTP: dict[str, OverHttp] = {
    "jupiter": OverHttp(lambda settings: settings.jupiter_at, open_jupiter),
    "raydium_api": OverHttp(lambda settings: settings.raydium_api_at, raydium_api),
}


def venue_names() -> list[str]:
    """Return the name of every venue that needs no chain of Solana, third parties' included."""
    return sorted({*_SIMULATED, *(entry.name for entry in entry_points(group=ENTRY_POINTS))})


def every_name() -> list[str]:
    """Return the name of every venue that there is on some chain, sorted."""
    return sorted({*venue_names(), *_OVER_HTTP})


def _there_are() -> str:
    return f"there are {', '.join(every_name())}"


def open_venues(
    settings: MarketSettings, client: Client, chain: SolanaChain | None = None
) -> dict[str, Venue]:
    """Return the venues that `VENUES` names, in that order; `chain` is what they trade on.

    Raises as `chosen_venues` does.
    """
    return {name: make(settings, client, chain) for name, make in chosen_venues(settings).items()}


def chosen_venues(settings: MarketSettings) -> dict[str, Opener]:
    """Return what opens each venue that `VENUES` names, in that order, and `split` behind them.

    `split` is there whenever one of them has pools on a chain of Solana: executors need it for
    what was signed before it was switched off. Raises `InvalidSettings` for a name nobody
    registered, in `VENUES`, `VENUE_FAULTS` or `VENUE_MARKET`.
    """
    names = names_of(settings.venues)
    if not names:
        raise InvalidSettings(f"VENUES: names none; {_there_are()}")
    for venue in parse_faults(settings.venue_faults):
        if venue not in (EVERY_VENUE, *names):
            raise InvalidSettings(f"VENUE_FAULTS: {venue!r} is not among VENUES")
    if settings.venue_market:
        parse_market(settings)
    openers = {name: _opener(name, settings) for name in names}
    if settings.urls and (venues := pooled(names)):
        openers[SPLIT] = partial(_split, venues)
    return openers


def _opener(name: str, settings: MarketSettings) -> Opener:
    on_chain = venues_of(settings.chain)
    if name == SPLIT and settings.urls:
        raise InvalidSettings("VENUES: split joins them by itself, unless SPLIT_POOLS is 1")
    if name in on_chain:
        return partial(_on, name, on_chain[name])
    if name in _OVER_HTTP:
        return _over_http(name, settings)
    if not settings.urls and (factory := _SIMULATED.get(name)):
        return lambda settings, client, _chain: factory(settings, client)
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        loaded: Factory = entry.load()
        return lambda settings, client, _chain: loaded(settings, client)
    if name in _SIMULATED:
        there = f"{name} is not traded on {settings.chain} yet; there are {', '.join(on_chain)}"
        raise InvalidSettings(f"VENUES: {there}")
    raise InvalidSettings(f"VENUES: no venue {name!r}; {_there_are()}")


def _over_http(name: str, settings: MarketSettings) -> Opener:
    over_http = _OVER_HTTP[name]
    if not over_http.at(settings):
        needs = f"set {name.upper()}_URL" if settings.urls else "it trades on Solana alone"
        raise InvalidSettings(f"VENUES: {name} is not asked on {settings.chain}: {needs}")

    def opened(settings: MarketSettings, client: Client, chain: SolanaChain | None) -> Venue:
        return over_http.make(name, settings, client, _there(settings, chain))

    return opened


def _split(
    venues: Sequence[str], settings: MarketSettings, _client: Client, chain: SolanaChain | None
) -> Venue:
    return open_split(settings, _there(settings, chain), venues)


def _on(
    name: str,
    make: OnChain,
    settings: MarketSettings,
    _client: Client,
    chain: SolanaChain | None,
) -> Venue:
    return make(name, _there(settings, chain))


def _there(settings: MarketSettings, chain: SolanaChain | None) -> SolanaChain:
    if chain is None:
        raise InvalidSettings(f"CHAIN={settings.chain} is not opened here")
    return chain
