"""Where a scripted market stands, kept in Redis beside the simulated chain: one for all replicas.

Its time is that of Redis's clock. Whoever may write there can move it: tests, and people.
"""

from __future__ import annotations

from typing import NamedTuple

from shared.concurrency.coalescer import Coalescer
from shared.settings import InvalidSettings, MarketSettings
from shared.streams.redis.client import Client
from shared.streams.redis.scripts import Script as Lua
from shared.tokens.registry import load_tokens
from shared.venues.bad_news import BAD_NEWS
from shared.venues.market.parse import parse_script
from shared.venues.market.script import Script
from shared.venues.protocol import VenueUnavailable

_MOMENT = Lua.load(__package__, "lua/moment.lua")
_PLAY = Lua.load(__package__, "lua/play.lua")
_NONE = "VENUE_MARKET: is empty, and no venue here follows a script yet"


class Moment(NamedTuple):
    """A script, and how long it has been played, in ms: to the block, or as it is `held`."""

    script: Script
    at_ms: int
    held: bool


class Stage:
    """The scripted market of one namespace."""

    def __init__(self, settings: MarketSettings, client: Client) -> None:
        """`VENUE_MARKET` is the script to begin with; without it, a market is only looked at.

        Raises `InvalidSettings` for a wrong one.
        """
        self._settings = settings
        self._client = client
        self._key = f"{settings.namespace}:{{chain}}:market"
        self._is_first = True
        self._ask: Coalescer[None, Moment] = Coalescer(self._asked)
        parse_market(settings)

    async def moment(self) -> Moment:
        """Return where the market stands now; begin it where nobody has.

        Raises `VenueUnreachable`, or `VenueUnavailable` for a script that this replica cannot read,
        or where there is none.
        """
        with BAD_NEWS:
            return await self._ask(None)

    async def play(
        self, script: str = "", *, at_ms: int | None = None, held: bool | None = None
    ) -> None:
        """Play `script` from its beginning, or from `at_ms`; `held` stops or releases the clock.

        What is left out stays as it is. Every later question, of any replica, is answered by it.
        Raises `InvalidSettings` for a wrong script, or where there is no market to be moved, and
        `LogUnavailable`.
        """
        if script:
            parse_market(self._settings, script)
        at = (0 if script else "") if at_ms is None else at_ms
        hold = "" if held is None else int(held)
        wanted = [self._settings.venue_market, script, at, hold]
        if not await self._client.call(*_PLAY.command([self._key], wanted)):
            raise InvalidSettings(_NONE)

    async def _asked(self, askers: list[None]) -> list[Moment]:
        asked = [self._settings.venue_market, int(self._is_first)]
        found = await self._client.call(*_MOMENT.command([self._key], asked))
        if found is None:
            raise VenueUnavailable(_NONE)
        text, at_ms, held = found
        self._is_first = False
        try:
            script = parse_market(self._settings, text.decode())
        except InvalidSettings as error:
            raise VenueUnavailable(str(error)) from error
        # Prices change by the block, so that questions of one moment have one answer.
        block_ms = self._settings.chain_block_ms
        at_ms = at_ms if held else at_ms // block_ms * block_ms
        return [Moment(script, at_ms, bool(held))] * len(askers)


def parse_market(settings: MarketSettings, text: str = "") -> Script:
    """Return the script that `VENUE_MARKET`, or another text, is. Raises `InvalidSettings`."""
    if settings.urls:
        raise InvalidSettings(
            "VENUE_MARKET: is for CHAIN=simulated; MARKET moves the prices of an embedded devchain"
        )
    return parse_script(
        text or settings.venue_market,
        settings.venue_seed or settings.namespace,
        tuple(token.symbol for token in load_tokens(settings.tokens_file).all),
        names_of(settings.venues),
    )


def names_of(venues: str) -> tuple[str, ...]:
    """Return the names in `VENUES`."""
    return tuple(filter(None, map(str.strip, venues.split(","))))
