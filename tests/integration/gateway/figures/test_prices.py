"""Prices by venue: asked once a second whoever asks, and told though a venue does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from services.gateway.figures.pairs import Pair
from services.gateway.figures.prices import Prices, spread_bps
from services.gateway.openapi.figures import PricesView
from shared.orders.values import Quote, SwapIntent
from shared.tokens.registry import load_tokens
from shared.venues.protocol import Venue, VenueRejected, VenueUnavailable
from slipstream import AsyncClient
from tests.support.builders import a_quote
from tests.support.gateway import Gateway, gateway_settings, running_gateway

SOL_USDC = Pair("SOL", "USDC")


class Flat:
    """A venue that buys SOL for one price and sells it for another, as often as it is asked."""

    def __init__(self, name: str, bid: str, ask: str) -> None:
        self.name = name
        self.bid, self.ask = Decimal(bid), Decimal(ask)
        self.asked: list[SwapIntent] = []
        self.error: Exception | None = None

    async def quote(self, intent: SwapIntent) -> Quote:
        self.asked.append(intent)
        if self.error:
            raise self.error
        paid = intent.amount_in * self.bid
        if intent.token_out == "SOL":
            paid = intent.amount_in / self.ask
        return a_quote(self.name, str(paid))


def prices_of(venues: Sequence[Any], deadline_s: float = 60.0) -> Prices:
    quoting: Sequence[Venue] = venues
    return Prices(quoting, load_tokens(""), deadline_s)


async def told(venues: Sequence[Any], deadline_s: float = 60.0) -> dict[str, Any]:
    [pair] = (await prices_of(venues, deadline_s)([SOL_USDC]))["pairs"]
    shown: dict[str, Any] = pair
    return shown


async def test_a_venue_takes_more_for_a_token_than_it_gives() -> None:
    shown = await told([Flat("one", "149.5", "150.5"), Flat("two", "149", "150")])
    one, two = shown["venues"]

    assert (one["bid"], one["ask"]) == ("149.500000", "150.500000")
    assert (two["bid"], two["ask"]) == ("149.000000", "150.000000")
    assert (shown["bestBid"], shown["bestAsk"]) == ("149.500000", "150.000000")
    assert shown["spreadBps"] == "33.39"


async def test_as_much_is_sold_as_a_hundred_dollars_buy() -> None:
    venue = Flat("one", "149", "160")
    await told([venue])
    bought, sold = venue.asked

    assert (bought.token_in, bought.amount_in) == ("USDC", Decimal(100))
    assert (sold.token_in, sold.amount_in) == ("SOL", Decimal("0.625"))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (VenueRejected("no such pair"), "no such pair"),
        (VenueUnavailable("answers 503"), "answers 503"),
        (RuntimeError(), "RuntimeError"),
    ],
)
async def test_a_venue_without_a_price_says_why_and_the_others_are_told(
    error: Exception, why: str
) -> None:
    ill = Flat("ill", "1", "1")
    ill.error = error
    shown = await told([ill, Flat("well", "149", "150")])

    assert [(one["bid"], one["why"]) for one in shown["venues"]] == [
        (None, why),
        ("149.000000", None),
    ]
    assert shown["bestAsk"] == "150.000000"


async def test_a_venue_that_hangs_is_not_waited_for() -> None:
    class Hanging(Flat):
        async def quote(self, _intent: SwapIntent) -> Quote:
            await asyncio.Event().wait()
            raise AssertionError

    shown = await told([Hanging("hung", "1", "1")], deadline_s=0.01)

    assert shown["venues"][0]["why"] == "no quote within 10 ms"
    assert (shown["bestBid"], shown["bestAsk"], shown["spreadBps"]) == (None, None, None)


async def test_however_many_ask_a_venue_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.figures.prices._FRESH_S", 3_600.0)
    venue = Flat("one", "149", "150")
    prices = prices_of([venue])
    await asyncio.gather(*(prices([SOL_USDC]) for _ in range(50)))

    assert len(venue.asked) == 2


def test_a_spread_may_be_negative() -> None:
    assert spread_bps(Decimal(101), Decimal(99)) == "-200.00"


async def test_a_gateway_tells_the_prices_of_its_own_venues(gateway: Gateway) -> None:
    async with AsyncClient(f"http://{gateway.address}") as client:
        [pair] = await client.prices("SOL/USDC")

    assert (pair.pair, pair.size) == ("SOL/USDC", Decimal(100))
    assert [price.venue for price in pair.venues] == ["raydium", "meteora"]
    assert all(price.ask and 100 < price.ask < 200 for price in pair.venues)
    assert pair.best_bid is not None


async def test_without_a_pair_every_token_is_told_in_usdc(redis_url: str, namespace: str) -> None:
    settings = gateway_settings(redis_url, namespace, venue_quote_ms=0)
    async with running_gateway(settings) as gateway:
        answer = await gateway.http.get("/api/prices")
    view = PricesView.model_validate_json(answer.content)

    assert [pair.base for pair in view.pairs] == [
        token.symbol for token in gateway.parts.tokens.all if token.symbol != "USDC"
    ][:20]
    assert {pair.quote for pair in view.pairs} == {"USDC"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("pair=SOL", "INVALID_QUERY"),
        ("pair=SOL/USDC/SOL", "INVALID_QUERY"),
        ("pair=SOL/SOL", "INVALID_QUERY"),
        ("pair=SOL/So11111111111111111111111111111111111111112", "INVALID_QUERY"),
        ("pair=SOL/NOSUCH", "UNKNOWN_TOKEN"),
        ("pairs=SOL/USDC", "INVALID_QUERY"),
        ("&".join(f"pair=SOL/{n}" for n in range(21)), "INVALID_QUERY"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    gateway: Gateway, query: str, code: str
) -> None:
    answer = await gateway.http.get(f"/api/prices?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, code)
