"""Jupiter's API in front of a development chain, and the venue that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from shared.orders.events import OrderRouted
from shared.orders.values import Quote, Route, SwapIntent
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.tokens.registry import load_tokens
from shared.venues.onchain.chain import SolanaChain
from shared.venues.onchain.opening import opened_chain
from shared.venues.protocol import (
    Landed,
    Venue,
)
from shared.venues.registry import open_venues
from tests.integration.onchain.conftest import Desk
from tests.support.builders import routed
from tests.support.jupiter import Jupiter
from tests.support.web import Site, a_site

TOKENS = load_tokens("").by_name
LOOSE = Decimal("0.99")


def swapping(amount: str = "1.5", token_in: str = "SOL", token_out: str = "USDC") -> SwapIntent:
    return SwapIntent(
        token_in=token_in, token_out=token_out, amount_in=Decimal(amount), max_slippage_bps=100
    )


@dataclass
class Stage:
    """Jupiter's API, the venue that asks it, and the chain that it trades on."""

    jupiter: Jupiter
    site: Site
    venue: Venue
    chain: SolanaChain
    desk: Desk
    settings: VenueSettings

    async def order(self, intent: SwapIntent, keep: Decimal = LOOSE) -> tuple[Quote, OrderRouted]:
        """Return a quote, and an order that takes so much of it."""
        quote = await self.venue.quote(intent)
        atom = Decimal(1).scaleb(-TOKENS[intent.token_out].decimals)
        least = (quote.amount_out * keep).quantize(atom)
        return quote, routed(Route(quote=quote, min_out=least), intent=intent)

    async def landed(self, order: OrderRouted) -> Landed:
        transaction = await self.venue.build(order)
        await self.venue.send(transaction)
        self.desk.chain.step()
        [answer] = await self.venue.status([transaction.signature])
        assert isinstance(answer, Landed), answer
        return answer


@asynccontextmanager
async def staged(desk: Desk, log: Log, **others: object) -> AsyncIterator[Stage]:
    jupiter = Jupiter(desk.chain)
    async with a_site(jupiter.answers) as site:
        own = {"venues": "jupiter", "jupiter_url": site.url, "jupiter_rate": "90000/hour"}
        settings: VenueSettings = desk.settings.model_copy(update=own | others)
        async with opened_chain(settings, signs=True) as chain:
            assert chain
            [venue] = open_venues(settings, log.client, chain).values()
            yield Stage(jupiter, site, venue, chain, desk, settings)
