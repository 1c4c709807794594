"""Quotes without an order: the same offers and the same choice as an order would get."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.gateway.api.quotes import Quoting
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.schemas import QuotesView
from shared.concurrency.timers import Deadline
from shared.orders.values import Quote, SwapIntent
from shared.routing.choose import min_out
from shared.routing.panel import Panel
from shared.venues.protocol import VenueRejected, VenueUnavailable, VenueUnreachable
from tests.support.builders import a_quote, an_intent
from tests.support.gateway import ORDER, events_on, gateway_settings, running_gateway
from tests.support.scripted_venue import ScriptedVenue

QUOTES = "/api/quotes"


def offering(name: str, amount_out: str, *, fee: str = "0.001") -> ScriptedVenue:
    return ScriptedVenue(name, on_quote=lambda _intent: a_quote(name, amount_out, fee=fee))


def failing(name: str, error: Exception) -> ScriptedVenue:
    def refuse(_intent: SwapIntent) -> Quote:
        raise error

    return ScriptedVenue(name, on_quote=refuse)


async def asked(*venues: ScriptedVenue) -> dict[str, Any]:
    return await Quoting(Panel(venues, Deadline(1)))(an_intent(slippage_bps=100))


async def test_every_venues_offer_is_shown_and_nothing_is_placed(
    redis_url: str, namespace: str
) -> None:
    settings = gateway_settings(redis_url, namespace, venue_quote_ms=0, venue_seed="tests")
    async with running_gateway(settings) as gateway:
        answer = await gateway.http.post(QUOTES, json=ORDER | {"maxSlippageBps": 50})
        view = QuotesView.model_validate_json(answer.content)
        [first, second] = sorted(view.quotes, key=lambda quote: Decimal(quote.net_out))

        assert answer.status_code == 200
        assert {first.venue, second.venue} == {"raydium", "meteora"}
        assert view.best == second
        assert Decimal(second.min_out) == min_out(Decimal(second.amount_out), 50)
        assert await events_on(gateway.log) == 0


async def test_the_best_offer_leaves_the_most_after_the_network_fee() -> None:
    shown = await asked(offering("dear", "101", fee="2"), offering("cheap", "100", fee="0"))

    assert shown["best"]["venue"] == "cheap"
    assert [quote["netOut"] for quote in shown["quotes"]] == ["99", "100"]


async def test_a_venue_that_fails_is_named_and_the_others_are_shown() -> None:
    shown = await asked(offering("raydium", "100"), failing("orca", VenueUnavailable("no")))

    assert shown["best"]["venue"] == "raydium"
    assert shown["refusals"] == [{"venue": "orca", "reason": "no"}]


@pytest.mark.parametrize(
    "venues",
    [
        [failing("orca", VenueRejected("no such pair"))],
        [offering("raydium", "1", fee="2")],
    ],
    ids=["every venue says no", "the network fee takes all"],
)
async def test_without_an_offer_that_pays_nothing_is_best(venues: list[ScriptedVenue]) -> None:
    assert (await asked(*venues))["best"] is None


@pytest.mark.parametrize("error", [VenueUnavailable("busy"), VenueUnreachable("away")])
async def test_when_no_venue_answers_it_is_worth_asking_again(error: Exception) -> None:
    with pytest.raises(Problem) as caught:
        await asked(failing("raydium", error), failing("meteora", error))

    assert caught.value.code is Code.QUOTES_UNAVAILABLE
    assert caught.value.code.status == 503


async def test_a_wrong_order_gets_no_quotes(redis_url: str, namespace: str) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        answer = await gateway.http.post(QUOTES, json={"tokenIn": "SOL"})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_ORDER")
