"""Only tokens that are known are traded, by whichever way an order comes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace
from websockets.asyncio.client import connect

from services.gateway.openapi.schemas import TokensView
from shared.clock import utc_now
from tests.support.builders import submitted
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
    gateway_settings,
    running_gateway,
)
from tests.support.replicas import placed
from tests.support.tokens import a_mint, file_of

PAIR = {"tokenIn": "sol", "tokenOut": "USDC"}
WRONG = {
    "field": "tokenIn",
    "message": "must be a token that GET /api/tokens lists; closest to sol: SOL, mSOL",
}
FOREIGN = [
    ("/api/orders/execute", PAIR | {"amountIn": 1.5, "slippagePct": 1}),
    ("/api/orders/execute", PAIR | {"side": "buy", "amountIn": 1, "maxSlippageBps": 100}),
    ("/api/orders/execute", PAIR | {"amountIn": "1.5"}),
    ("/api/orders/execute", PAIR | {"amount": 1.5, "slippage": 0.01}),
    ("/api/orders", PAIR | {"userId": "", "amountIn": "1", "slippageTolerance": "0.01"}),
]


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, compat=True, venue_quote_ms=0)
    async with running_gateway(settings) as running:
        yield running


async def test_the_tokens_are_listed_with_mints_and_decimals(gateway: Gateway) -> None:
    answer = await gateway.http.get("/api/tokens")
    view = TokensView.model_validate_json(answer.content)
    listed = {token.symbol: token for token in view.tokens}

    assert answer.headers["cache-control"] == "private, max-age=60"
    assert listed["USDC"].mint == "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    assert {name: token.decimals for name, token in listed.items() if name in ("SOL", "BONK")} == {
        "SOL": 9,
        "BONK": 5,
    }


@pytest.mark.parametrize(("address", "order"), FOREIGN, ids=["000", "001", "002", "003", "004"])
async def test_an_unknown_token_is_refused_in_every_dialect(
    gateway: Gateway, address: str, order: dict[str, Any]
) -> None:
    answer = await gateway.http.post(address, json=order)

    assert answer.status_code == 400
    assert answer.json()["code"] == "UNKNOWN_TOKEN"
    assert answer.json()["errors"] == [WRONG]
    assert await events_on(gateway.log) == 0


async def test_an_unknown_token_gets_no_quotes(gateway: Gateway) -> None:
    answer = await gateway.http.post("/api/quotes", json=ORDER | PAIR)

    assert (answer.status_code, answer.json()["code"]) == (400, "UNKNOWN_TOKEN")


async def test_an_unknown_token_of_a_batch_is_refused_alone(gateway: Gateway) -> None:
    answer = await gateway.http.post("/api/orders/batch", json={"orders": [ORDER, ORDER | PAIR]})
    [kept, refused] = answer.json()["orders"]

    assert kept["status"] == "pending"
    assert refused["problem"]["code"] == "UNKNOWN_TOKEN"
    assert refused["problem"]["errors"] == [WRONG]
    assert await events_on(gateway.log) == 1


@pytest.mark.parametrize(
    "message",
    [{"action": "submit", "order": ORDER | PAIR}, PAIR | {"amount": 1.5, "slippage": 0.01}],
    ids=["in our words", "in a forerunner's"],
)
async def test_an_unknown_token_is_refused_over_sockets(
    gateway: Gateway, message: dict[str, Any]
) -> None:
    async with connect(f"ws://{gateway.address}{EXECUTE}", proxy=None) as socket:
        await socket.send(json.dumps(message))
        said = json.loads(await socket.recv())

    refused = said.get("error", said) if "action" in message else said
    assert refused["code"] == "UNKNOWN_TOKEN"
    assert refused["errors"] == [WRONG]
    assert await events_on(gateway.log) == 0


async def test_a_repeat_that_names_the_mint_is_the_same_order(gateway: Gateway) -> None:
    mint = "So11111111111111111111111111111111111111112"
    key = {"Idempotency-Key": "once"}
    first = await gateway.http.post(EXECUTE, json=ORDER, headers=key)
    again = await gateway.http.post(EXECUTE, json=ORDER | {"tokenIn": mint}, headers=key)
    shown = await gateway.http.get(f"/api/orders/{first.json()['orderId']}")

    assert again.json() == first.json()
    assert shown.json()["tokenIn"] == "SOL"


async def test_a_list_of_ones_own_takes_the_place_of_ours(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    own = tmp_path / "tokens.toml"
    own.write_text(file_of(AAA=2, BBB=0))
    settings = gateway_settings(redis_url, namespace, tokens_file=str(own), venue_quote_ms=0)
    order = {"tokenIn": "AAA", "tokenOut": "BBB", "amountIn": "5.25"}
    async with running_gateway(settings) as gateway:
        listed = await gateway.http.get("/api/tokens")
        quotes = await gateway.http.post("/api/quotes", json=order)
        taken = await gateway.http.post(EXECUTE, json=order)
        ours = await gateway.http.post(EXECUTE, json=ORDER)

    assert listed.json()["tokens"] == [
        {"symbol": "AAA", "name": "AAA", "mint": a_mint(0), "decimals": 2},
        {"symbol": "BBB", "name": "BBB", "mint": a_mint(1), "decimals": 0},
    ]
    assert [offer["venue"] for offer in quotes.json()["quotes"]] == ["raydium", "meteora"]
    assert taken.status_code == 202
    assert ours.json()["code"] == "UNKNOWN_TOKEN"


async def test_an_order_for_a_token_that_was_known_once_is_still_shown(gateway: Gateway) -> None:
    old = submitted(at=utc_now())
    await placed(gateway.log, replace(old, intent=replace(old.intent, token_in="FOO")))
    shown = await gateway.http.get(f"/api/orders/{old.order_id}")

    assert shown.json()["tokenIn"] == "FOO"
