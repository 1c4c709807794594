"""What the simulated venues quote and pay by: a market that is drawn, or one that is scripted."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from shared.settings import MarketSettings
from shared.streams.redis.client import Client
from shared.tokens.registry import Token
from shared.venues.market.drawn import Rates
from shared.venues.market.script import Listed, Pair
from shared.venues.market.stage import Stage
from shared.venues.pricing import Priced, Terms
from shared.venues.protocol import VenueRejected, VenueUnavailable


class Dark(VenueUnavailable):
    """The script has the venue quote nothing. It does not tell against the venue's health."""

    counts = False


class Market(Protocol):
    """The market as one venue has it."""

    async def quoted(self, token_in: Token, token_out: Token, now: datetime) -> Priced:
        """Return what a quote goes by; `now` is the time of this replica.

        Raises `VenueRejected` where a token has no price, `VenueUnavailable`, `VenueUnreachable`.
        """
        ...

    async def paid(
        self, token_in: Token, token_out: Token, amount_in: Decimal, quoted_out: Decimal
    ) -> Decimal:
        """Return what a swap pays that is sent now, before it drifts. Raises as `quoted` does."""
        ...


class Drawn:
    """No script: a swap pays what was quoted."""

    def __init__(self, terms: Terms, rates: Rates) -> None:
        self._terms = terms
        self._rates = rates

    async def quoted(self, token_in: Token, token_out: Token, now: datetime) -> Priced:
        """Return what a quote goes by at a time."""
        luck = self._rates.luck(token_in.symbol, token_out.symbol, now)
        return Priced(self._terms, usual_usd(token_in), usual_usd(token_out), luck)

    async def paid(
        self, _token_in: Token, _token_out: Token, _amount_in: Decimal, quoted_out: Decimal
    ) -> Decimal:
        """Return what was quoted."""
        return quoted_out


class Scripted:
    """A swap pays the script's price of the moment in which it is sent, whatever was quoted."""

    def __init__(self, venue: str, terms: Terms, stage: Stage) -> None:
        self._venue = venue
        self._terms = terms
        self._stage = stage

    async def quoted(self, token_in: Token, token_out: Token, _now: datetime) -> Priced:
        """Return what a quote goes by at the market's own time. Raises `Dark` too."""
        pair, usd = _asked(token_in, token_out)
        listed, at_ms = await self._listed()
        priced = listed.quotes(pair, usd, at_ms)
        if priced is None:
            raise Dark("the market's script has it quote nothing")
        return priced

    async def paid(
        self, token_in: Token, token_out: Token, amount_in: Decimal, _quoted_out: Decimal
    ) -> Decimal:
        """Return what the script's true price pays."""
        pair, usd = _asked(token_in, token_out)
        listed, at_ms = await self._listed()
        return listed.pays(pair, usd, at_ms).offer(amount_in).amount_out

    async def _listed(self) -> tuple[Listed, int]:
        script, at_ms, _ = await self._stage.moment()
        return Listed(script=script, here=script.of(self._venue), usual=self._terms), at_ms


def market_of(venue: str, terms: Terms, settings: MarketSettings, client: Client) -> Market:
    """Return the market that `VENUE_MARKET` asks for. Raises `InvalidSettings`."""
    if settings.venue_market:
        return Scripted(venue, terms, Stage(settings, client))
    rates = Rates(
        settings.venue_seed, venue, shared=settings.namespace, block_ms=settings.chain_block_ms
    )
    return Drawn(terms, rates)


def usual_usd(token: Token) -> Decimal:
    """Return what a token costs where no script says otherwise. Raises `VenueRejected`."""
    if token.simulated_usd is None:
        raise VenueRejected(f"has no price of {token.symbol}")
    return token.simulated_usd


def _asked(token_in: Token, token_out: Token) -> tuple[Pair, tuple[Decimal, Decimal]]:
    pair = Pair(token_in.symbol, token_out.symbol)
    return pair, (usual_usd(token_in), usual_usd(token_out))
