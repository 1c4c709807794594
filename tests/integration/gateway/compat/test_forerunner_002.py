"""A client written for forerunner 002, from its document alone.

It posts a string amount to `/api/orders/execute`, hears the whole order and a timestamp on
`/api/orders/{id}/ws`, and reads the order with its `statusHistory` at `/api/orders/{id}`.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.eventually import eventually

ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": "1.5"}
COLUMNS = {
    *("id", "tokenIn", "tokenOut", "amountIn", "dexUsed", "executedPrice", "txHash", "status"),
    *("statusHistory", "failureReason", "createdAt", "updatedAt"),
}
LIFECYCLE = ["pending", "routing", "building", "submitted", "confirmed"]


class Client:
    def __init__(self, address: str) -> None:
        self._address = address

    async def post(self, order: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            return await http.post("/api/orders/execute", json=order)

    async def get(self, order_id: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            return await http.get(f"/api/orders/{order_id}")

    async def follow(self, order_id: str) -> list[dict[str, Any]]:
        """Return every message about an order, up to its end."""
        messages: list[dict[str, Any]] = []
        url = f"ws://{self._address}/api/orders/{order_id}/ws"
        async with connect(url, proxy=None) as socket:
            while not messages or messages[-1]["status"] not in ("confirmed", "failed"):
                messages.append(json.loads(await socket.recv()))
        return messages


async def test_every_message_has_the_order_as_it_stands_and_a_time(stack: str) -> None:
    client = Client(stack)
    order_id = (await client.post(ORDER)).json()["orderId"]

    messages = await client.follow(order_id)

    assert all(COLUMNS | {"timestamp"} <= message.keys() for message in messages)
    assert [entry["status"] for entry in messages[-1]["statusHistory"]] == LIFECYCLE
    times = [datetime.fromisoformat(message["timestamp"]) for message in messages]
    assert times == sorted(times)


async def test_a_confirmed_order_reads_back_with_its_history(stack: str) -> None:
    client = Client(stack)
    order_id = (await client.post(ORDER)).json()["orderId"]
    last = (await client.follow(order_id))[-1]

    order = (await client.get(order_id)).json()

    assert order.keys() >= COLUMNS
    assert order["id"] == order_id
    assert order["amountIn"] == "1.5"
    assert order["dexUsed"] in ("raydium", "meteora")
    assert Decimal(order["executedPrice"]) > 0
    assert {name: order[name] for name in COLUMNS} == {name: last[name] for name in COLUMNS}


async def test_the_history_tells_what_was_known_at_each_step(stack: str) -> None:
    client = Client(stack)
    order_id = (await client.post(ORDER)).json()["orderId"]
    await client.follow(order_id)

    history = (await client.get(order_id)).json()["statusHistory"]

    assert all({"status", "timestamp", "metadata"} <= entry.keys() for entry in history)
    pending, _, building, *_ = history
    assert pending["metadata"] == {}
    assert building["metadata"].keys() == {"dexUsed", "executedPrice"}


async def test_a_failed_order_reads_back_with_its_reason(failing_stack: str) -> None:
    client = Client(failing_stack)
    order_id = (await client.post(ORDER)).json()["orderId"]

    async def failed() -> dict[str, Any] | None:
        order: dict[str, Any] = (await client.get(order_id)).json()
        return order if order["status"] == "failed" else None

    order = await eventually(failed)

    assert order is not None
    assert order["failureReason"]
    assert order["statusHistory"][-1]["metadata"] == {"failureReason": order["failureReason"]}


@pytest.mark.parametrize(
    "wrong", [{"amountIn": ""}, {"amountIn": "-1"}, {"tokenIn": ""}, {"tokenOut": None}]
)
async def test_a_wrong_order_is_refused_at_once(stack: str, wrong: dict[str, Any]) -> None:
    answer = await Client(stack).post(ORDER | wrong)

    assert answer.status_code == 400


async def test_the_id_is_checked_on_connection(stack: str) -> None:
    async with connect(f"ws://{stack}/api/orders/nonsense/ws", proxy=None) as socket:
        answer = json.loads(await socket.recv())

    assert answer["error"] == "The order id is not a UUID"
