"""A client's trace reaches the log by every way that an order may come."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.support.gateway import EXECUTE, ORDER, Gateway, gateway_settings, running_gateway

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
TRACED = {"traceparent": TRACEPARENT}
BATCH = "/api/orders/batch"


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(gateway_settings(redis_url, namespace, compat=True)) as running:
        yield running


async def on_the_log(gateway: Gateway, order_id: str) -> dict[str, Any]:
    [[raw]] = await gateway.log.history([order_id])
    event: dict[str, Any] = json.loads(raw)
    return event


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EXECUTE, ORDER),
        (EXECUTE, ORDER | {"expiresAt": "2999-01-01T00:00:00+00:00"}),
        (EXECUTE, {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1.5, "slippage": 0.01}),
        ("/api/orders", {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": 1.5}),
    ],
    ids=["plain", "not plain", "in a dialect", "at the address of a dialect"],
)
async def test_the_trace_of_a_request_is_that_of_its_order(
    gateway: Gateway, path: str, body: dict[str, Any]
) -> None:
    answer = await gateway.http.post(path, json=body, headers=TRACED)
    assert answer.is_success, answer.text

    event = await on_the_log(gateway, answer.json()["orderId"])
    assert event["traceparent"] == TRACEPARENT


async def test_the_trace_of_a_batch_is_that_of_all_its_orders(gateway: Gateway) -> None:
    answer = await gateway.http.post(BATCH, json={"orders": [ORDER] * 2}, headers=TRACED)

    for order in answer.json()["orders"]:
        assert (await on_the_log(gateway, order["orderId"]))["traceparent"] == TRACEPARENT


@pytest.mark.parametrize(("said", "kept"), [(TRACEPARENT, TRACEPARENT), ("nonsense", None)])
async def test_an_order_over_a_socket_names_its_trace_in_its_message(
    gateway: Gateway, said: str, kept: str | None
) -> None:
    async with connect(f"ws://{gateway.address}/api/orders/ws", proxy=None) as socket:
        request = {"action": "submit", "order": ORDER, "id": 1, "traceparent": said}
        await socket.send(json.dumps(request))
        told = json.loads(await socket.recv())

    event = await on_the_log(gateway, told["orderId"])
    assert event.get("traceparent") == kept


@pytest.mark.parametrize("path", [EXECUTE, BATCH])
@pytest.mark.parametrize(
    "headers",
    [[], [("traceparent", "nonsense")], [("traceparent", TRACEPARENT)] * 2],
    ids=["none", "nonsense", "two"],
)
async def test_an_order_without_a_trace_that_can_be_read_is_taken_and_has_none(
    gateway: Gateway, path: str, headers: list[tuple[str, str]]
) -> None:
    body = ORDER if path == EXECUTE else {"orders": [ORDER]}
    answer = await gateway.http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text

    taken = answer.json() if path == EXECUTE else answer.json()["orders"][0]
    assert "traceparent" not in await on_the_log(gateway, taken["orderId"])


async def test_a_repeated_order_stays_in_the_trace_that_it_came_with(gateway: Gateway) -> None:
    key = {"Idempotency-Key": "payment/17"}
    first = await gateway.http.post(EXECUTE, json=ORDER, headers=TRACED | key)
    other = {"traceparent": TRACEPARENT.replace("4", "5")}
    again = await gateway.http.post(EXECUTE, json=ORDER, headers=other | key)

    assert again.headers["idempotency-replayed"] == "true"
    event = await on_the_log(gateway, first.json()["orderId"])
    assert event["traceparent"] == TRACEPARENT


async def test_a_cancelled_order_keeps_its_trace_to_the_end(gateway: Gateway) -> None:
    taken = await gateway.http.post(EXECUTE, json=ORDER, headers=TRACED)
    order_id = taken.json()["orderId"]
    await gateway.http.delete(f"/api/orders/{order_id}")

    events = (await gateway.http.get(f"/api/orders/{order_id}/events")).json()
    assert [event["type"] for event in events] == ["OrderSubmitted", "OrderCancelled"]
    assert [event["traceparent"] for event in events] == [TRACEPARENT] * 2
