"""A venue that quotes more than it pays loses by its record, which replicas share over Redis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from services.executor.__main__ import make_executor
from shared.clock import utc_now
from shared.orders.events import OrderConfirmed, OrderRouted
from shared.orders.order import replay
from shared.orders.values import Quote, Receipt, Route, SwapIntent
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.venues.health.book import Book, fading_of, kept
from shared.venues.health.breaker import State
from shared.venues.protocol import Answer, Landed, RouteGone
from tests.support.builders import a_quote, submitted
from tests.support.eventually import eventually
from tests.support.replicas import a_router, events_of, placed, running
from tests.support.scripted_venue import ScriptedVenue

HONEST = "225"


def honest() -> ScriptedVenue:
    return paying("raydium", HONEST, HONEST)


def paying(name: str, quoted: str, paid: str) -> ScriptedVenue:
    """Return a venue that quotes one amount, and pays another one."""
    receipt = Receipt(amount_in=Decimal("1.5"), amount_out=Decimal(paid))

    def quote(_intent: SwapIntent) -> Quote:
        return lasting(a_quote(name, quoted))

    def status(_signature: str) -> Answer:
        return Landed(receipt)

    return ScriptedVenue(name, on_quote=quote, on_status=status)


def lasting(quote: Quote) -> Quote:
    return Quote(
        venue=quote.venue,
        amount_out=quote.amount_out,
        network_fee=quote.network_fee,
        fee_bps=quote.fee_bps,
        price_impact_bps=quote.price_impact_bps,
        expires_at=utc_now().replace(year=2100),
    )


def boasting() -> ScriptedVenue:
    """Return a venue that quotes a twentieth more than the honest one, and builds nothing."""
    venue = paying("meteora", "236", "236")

    def build(_intent: SwapIntent, _route: Route) -> None:
        raise RouteGone("pays 200 now")

    venue.on_build = build
    return venue


class Replicas:
    """A router and an executor, each with a book of its own."""

    def __init__(self, log: Log, settings: VenueSettings, *venues: ScriptedVenue) -> None:
        self.log, self.settings, self.venues = log, settings, venues
        self.routers, self.executors = Book(), Book()

    async def swap(self, orders: int) -> list[list[str]]:
        """Return where each order went, one after the other, and share what became of them."""
        router = a_router(self.log, self.settings, list(self.venues), book=self.routers)
        by_name = {venue.name: venue for venue in self.venues}
        executor = make_executor(self.log, self.settings, by_name, book=self.executors)
        went = []
        async with (
            running(self.log, "router", router, self.settings),
            running(self.log, "executor", executor, self.settings),
        ):
            for _ in range(orders):
                went.append(await self._one())
                await self.share()
        return went

    async def share(self) -> None:
        await self.executors.exchange(fading_of(self.log), "executor")
        await self.routers.exchange(fading_of(self.log), "router")

    async def _one(self) -> list[str]:
        order = await placed(self.log, submitted(at=utc_now()))

        async def confirmed() -> bool:
            found = replay(await events_of(self.log, order.order_id))
            return found is not None and found.ended

        await eventually(confirmed)
        events = await events_of(self.log, order.order_id)
        assert isinstance(events[-1], OrderConfirmed)
        return [event.route.venue for event in events if isinstance(event, OrderRouted)]


@pytest.fixture
def quickly(settings: VenueSettings) -> VenueSettings:
    return settings.model_copy(update={"confirm_poll_ms": 1})


async def test_a_venue_that_builds_nothing_of_what_it_quotes_loses_every_order_after_a_few(
    log: Log, quickly: VenueSettings
) -> None:
    replicas = Replicas(log, quickly, honest(), boasting())
    went = await replicas.swap(6)

    assert went[0] == ["meteora", "meteora", "raydium"]
    assert went[-3:] == [["raydium"]] * 3
    assert replicas.routers.discounts["meteora"] > 500
    assert "raydium" not in replicas.routers.discounts


async def test_a_venue_that_pays_less_than_it_quotes_loses_to_one_that_pays_what_it_says(
    log: Log, quickly: VenueSettings
) -> None:
    replicas = Replicas(log, quickly, honest(), paying("meteora", "226", "215"))
    went = await replicas.swap(6)
    told = (await kept(log)).records["meteora"]

    assert went[0] == ["meteora"]
    assert went[-1] == ["raydium"]
    assert told.realised == pytest.approx(215 / 226)
    assert told.landed == pytest.approx(told.won, rel=1e-3)


async def test_the_event_says_which_discount_ranked_and_keeps_what_was_quoted(
    log: Log, quickly: VenueSettings
) -> None:
    replicas = Replicas(log, quickly, honest(), boasting())
    await replicas.swap(4)
    [routed] = await last_routes(replicas)

    assert [(one.venue, one.bps >= 500) for one in routed.discounts] == [("meteora", True)]
    assert {quote.venue: quote.amount_out for quote in routed.quotes} == {
        "raydium": Decimal(HONEST),
        "meteora": Decimal(236),
    }


async def last_routes(replicas: Replicas) -> Sequence[OrderRouted]:
    router = a_router(replicas.log, replicas.settings, list(replicas.venues), book=replicas.routers)
    order = await placed(replicas.log, submitted(at=utc_now()))
    async with running(replicas.log, "router", router, replicas.settings):

        async def routes() -> list[OrderRouted]:
            events = await events_of(replicas.log, order.order_id)
            return [event for event in events if isinstance(event, OrderRouted)]

        return await eventually(routes)


async def test_replicas_tell_how_they_find_venues_and_share_their_counts(
    log: Log, quickly: VenueSettings
) -> None:
    replicas = Replicas(log, quickly, honest(), paying("meteora", "200", "200"))
    await replicas.swap(2)
    other = Book()
    other.breakers = replicas.routers.breakers
    other.tally.add("raydium", "won", 3)
    await other.exchange(fading_of(log), "another")
    told = await kept(log)

    assert told.seen["raydium"].keys() == {"router", "another"}
    assert {one.state for one in told.seen["meteora"].values()} == {State.UP}
    assert told.records["raydium"].won == pytest.approx(5, rel=1e-3)
    assert told.records["raydium"].quote_p50_ms is not None
