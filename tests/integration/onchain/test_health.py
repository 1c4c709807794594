"""One venue behind HTTP is slow, wrong, limited or down: orders go to the others; or all are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from services.executor.__main__ import make_executor
from shared.clock import utc_now
from shared.orders.events import OrderFailed, OrderRouted
from shared.orders.order import replay
from shared.orders.states import State
from shared.orders.values import FailureReason
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.venues.health.book import Book
from shared.venues.health.breaker import IN_A_ROW
from shared.venues.protocol import Venue
from tests.integration.onchain.conftest import Desk
from tests.support.builders import an_intent, submitted
from tests.support.eventually import eventually
from tests.support.onchain import making_blocks, the_order, venues_on
from tests.support.raydium_api import RaydiumApi, raydium_api
from tests.support.replicas import a_router, events_of, placed, running
from tests.support.web import Asked, Site

MORE = 20


async def hangs(_asked: Asked) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


def answering(status: int, text: str = "", **headers: str) -> Callable[[Asked], web.Response]:
    return lambda _asked: web.Response(status=status, text=text, headers=headers)


ILL = {
    "wrong": answering(200, '{"success":true,"data":{"swapType":"BaseIn"}}'),
    "garbage": answering(200, "<html>"),
    "ill": answering(503),
    "moved": answering(307, Location="http://127.0.0.1:1/"),
}


@asynccontextmanager
async def trading(
    log: Log, settings: VenueSettings, venues: dict[str, Venue], book: Book
) -> AsyncIterator[None]:
    router = a_router(log, settings, list(venues.values()), book=book)
    executor = make_executor(log, settings, venues)
    async with (
        running(log, "router", router, settings),
        running(log, "executor", executor, settings),
    ):
        yield


@asynccontextmanager
async def both(
    desk: Desk, log: Log, settings: VenueSettings
) -> AsyncIterator[tuple[RaydiumApi, Site, Book]]:
    """Trade at raydium and raydium_api, of which the second quotes first."""
    book = Book()
    async with (
        raydium_api(settings, log, desk.chain) as (venue, api, site),
        venues_on(settings) as others,
    ):
        venues: dict[str, Venue] = {"raydium_api": venue, "raydium": others["raydium"]}
        async with trading(log, settings, venues, book):
            yield api, site, book


async def swapped(desk: Desk, log: Log, orders: int) -> set[str]:
    """Return the venues at which orders were swapped that come at once."""
    ids = [(await placed(log, submitted(at=utc_now()))).order_id for _ in range(orders)]

    async def ended() -> bool:
        return all([(await the_order(log, one)).ended for one in ids])

    await making_blocks(desk.chain, ended)
    found = [replay(await events_of(log, one)) for one in ids]
    assert {order.state for order in found if order} == {State.CONFIRMED}
    return {order.route.venue for order in found if order and order.route}


@pytest.mark.parametrize("how", ILL)
async def test_orders_go_past_a_venue_that_is_ill_and_soon_do_not_ask_it(
    desk: Desk, log: Log, how: str
) -> None:
    async with both(desk, log, desk.settings) as (api, site, book):
        api.instead = ILL[how]
        first = await swapped(desk, log, IN_A_ROW)
        asked = len(site.asked)
        book.breakers["raydium_api"].tried_again_at = float("inf")
        then = await swapped(desk, log, MORE)

    assert first == then == {"raydium"}
    assert asked >= IN_A_ROW
    assert len(site.asked) <= asked + 1  # A trial that had begun.


async def test_a_venue_that_hangs_costs_the_first_orders_a_deadline_and_the_others_none(
    desk: Desk, log: Log
) -> None:
    settings = desk.settings.model_copy(update={"quote_deadline_ms": 2_000})
    async with both(desk, log, settings) as (_, site, book):
        site.answers = hangs
        first = await swapped(desk, log, IN_A_ROW)
        book.breakers["raydium_api"].tried_again_at = float("inf")
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(MORE):
            first |= await swapped(desk, log, 1)
        spent_s = loop.time() - began

    assert first == {"raydium"}
    assert spent_s < MORE * 2  # Each of them would have waited for so long.


async def test_a_venue_that_limits_is_left_alone_and_is_not_held_to_be_ill(
    desk: Desk, log: Log
) -> None:
    settings = desk.settings.model_copy(update={"quote_deadline_ms": 2_000})
    async with both(desk, log, settings) as (api, site, book):
        api.instead = answering(429, **{"Retry-After": "50"})
        went = await swapped(desk, log, MORE)
        asked = len(site.asked)
        went |= await swapped(desk, log, MORE)

    assert went == {"raydium"}
    assert asked == len(site.asked) <= MORE
    assert book.breakers["raydium_api"].state == "up"


def tries() -> float:
    """Return how often the API was found to be unreachable."""
    name = "slipstream_venue_http_duration_seconds_count"
    labels = {"venue": "raydium_api", "outcome": "unreachable"}
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_with_the_only_venue_unreachable_orders_wait_and_lose_no_attempt(
    desk: Desk, log: Log
) -> None:
    async with raydium_api(desk.settings, log, desk.chain) as (venue, _, site):
        there, venue.service._url = venue.service._url, "http://127.0.0.1:1"
        async with trading(log, desk.settings, {"raydium_api": venue}, Book()):
            before = tries()
            order = await placed(log, submitted(at=utc_now()))
            await eventually(lambda: tries() >= before + 5)
            waiting = await the_order(log, order.order_id)
            venue.service._url = there

            async def ended() -> bool:
                return (await the_order(log, order.order_id)).ended

            await making_blocks(desk.chain, ended)
            done = await the_order(log, order.order_id)

    assert waiting.state is State.ROUTING
    assert done.state is State.CONFIRMED
    assert site.asked


async def test_with_every_venue_ill_an_order_ends_and_says_what_each_said(
    desk: Desk, log: Log
) -> None:
    async with raydium_api(desk.settings, log, desk.chain) as (venue, api, _):
        api.instead = answering(503)
        async with trading(log, desk.settings, {"raydium_api": venue}, Book()):
            order = await placed(log, submitted(intent=an_intent(), at=utc_now()))

            async def ended() -> bool:
                return (await the_order(log, order.order_id)).ended

            await eventually(ended)
        *events, end = await events_of(log, order.order_id)

    assert isinstance(end, OrderFailed)
    assert end.reason is FailureReason.RETRIES_EXHAUSTED
    assert "raydium_api: answers 503" in end.detail
    assert not any(isinstance(event, OrderRouted) for event in events)
