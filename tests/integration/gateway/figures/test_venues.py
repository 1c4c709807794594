"""How the venues do, as a gateway shows it: from the record that all replicas keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio

from services.gateway.openapi.schemas import VenuesView
from shared.venues.health.book import Book, fading_of
from shared.venues.health.breaker import IN_A_ROW, Breaker
from slipstream import AsyncClient, Venue
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.onchain import Devchain
from tests.support.web import a_site, always


def a_book() -> Book:
    """Return what a router and an executor have noted of one good venue, and of one that is ill."""
    book = Book()
    ill = Breaker()
    for _ in range(IN_A_ROW):
        ill.failed("answers 503", 0)
    book.breakers = {"raydium": Breaker(), "meteora": ill}
    for field, amount in (("won", 100), ("landed", 80), ("ratio", 79.2), ("landingMs", 48_000)):
        book.tally.add("raydium", field, amount)
    book.tally.add("raydium", "lost.gone", 3)
    for _ in range(100):
        book.tally.timed("raydium", "quoted", 0.004)
    return book


async def told(gateway: Gateway) -> dict[str, Venue]:
    async with AsyncClient(f"http://{gateway.address}") as client:
        return {venue.name: venue for venue in await client.venues()}


async def test_each_venue_is_told_with_its_state_and_its_record(gateway: Gateway) -> None:
    await a_book().exchange(fading_of(gateway.log), "router-1")
    well = Book()
    well.breakers = {"meteora": Breaker()}
    await well.exchange(fading_of(gateway.log), "router-2")
    venues = await told(gateway)
    raydium, meteora = venues["raydium"], venues["meteora"]

    assert (raydium.state, raydium.why, raydium.routers) == ("up", "", {"up": 1})
    assert (meteora.state, meteora.why) == ("open", "answers 503")
    assert meteora.routers == {"open": 1, "up": 1}
    assert (raydium.won, raydium.landed, raydium.lost) == (100, 80, {"gone": 3})
    assert raydium.realised == Decimal("0.990000")
    assert (raydium.landing_ms, raydium.discount_bps) == (600, 80)
    assert (raydium.quotes.answered, raydium.quotes.p50_ms, raydium.quotes.p99_ms) == (100, 5, 5)
    assert raydium.rate is None


async def test_a_venue_that_nobody_asked_yet_is_there_without_a_record(gateway: Gateway) -> None:
    answer = await gateway.http.get("/api/venues")
    view = VenuesView.model_validate_json(answer.content)

    assert [venue.name for venue in view.venues] == ["raydium", "meteora"]
    assert all(venue.realised is None and not venue.won for venue in view.venues)
    assert {venue.state for venue in view.venues} == {"up"}


async def test_quotes_without_an_order_rank_by_the_record_too(gateway: Gateway) -> None:
    best = (await quoted(gateway))["best"]["venue"]
    gateway.parts.book.discounts = {best: 9_000}
    after = await quoted(gateway)

    assert after["best"]["venue"] != best
    assert len(after["quotes"]) == 2


async def quoted(gateway: Gateway) -> dict[str, dict[str, str]]:
    order = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": "1.5"}
    answer: dict[str, dict[str, str]] = (await gateway.http.post("/api/quotes", json=order)).json()
    return answer


@pytest_asyncio.fixture
async def limited(
    redis_url: str, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """Return a gateway on a chain with a venue behind HTTP, which answers nothing of use."""
    chain = Devchain(tmp_path_factory.mktemp("devchain"))
    async with a_site(always(lambda: pytest.fail("nobody asks"))) as site:
        settings = gateway_settings(
            redis_url,
            namespace,
            chain="devchain",
            rpc_urls=",".join(chain.urls),
            venues="raydium,raydium_api",
            raydium_api_url=site.url,
            raydium_api_rate="60/minute",
        )
        async with running_gateway(settings) as gateway:
            yield gateway


async def test_a_venue_behind_http_tells_what_is_left_of_its_rate(limited: Gateway) -> None:
    venues = await told(limited)
    rate = venues["raydium_api"].rate

    assert rate is not None
    assert (rate.requests, rate.window_ms, rate.left, rate.rest_ms) == (60, 60_000, 60, 0)


async def test_a_venue_behind_http_is_not_asked_for_prices(limited: Gateway) -> None:
    async with AsyncClient(f"http://{limited.address}") as client:
        [pair] = await client.prices("SOL/USDC")
    whys = {price.venue: price.why or "" for price in pair.venues}

    assert whys["raydium_api"].startswith("not asked")
