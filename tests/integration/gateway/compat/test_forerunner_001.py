"""A client written for forerunner 001, from its document alone.

It posts a side, a number and basis points to `/api/orders/execute`, gets 202 with `orderId`, and
hears `{orderId, status, data}` on `/api/orders/execute?orderId=`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

ORDER = {
    "side": "buy",
    "tokenIn": "SOL",
    "tokenOut": "USDC",
    "amountIn": 1,
    "maxSlippageBps": 100,
}
PROGRESSION = ["pending", "routing", "building", "submitted", "confirmed"]


class Client:
    def __init__(self, address: str) -> None:
        self._address = address

    async def post(self, order: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            return await http.post("/api/orders/execute", json=order)

    async def health(self) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            return await http.get("/health")

    async def execute(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """Place an order and return every message about it, up to its end."""
        answer = await self.post(order)
        assert answer.status_code == 202
        order_id = answer.json()["orderId"]
        url = f"ws://{self._address}/api/orders/execute?orderId={order_id}"
        messages: list[dict[str, Any]] = []
        async with connect(url, proxy=None) as socket:
            while not messages or messages[-1]["status"] not in ("confirmed", "failed"):
                messages.append(json.loads(await socket.recv()))
        assert {message["orderId"] for message in messages} == {order_id}
        return messages


@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_an_order_progresses_to_confirmed(stack: str, side: str) -> None:
    messages = await Client(stack).execute(ORDER | {"side": side})

    assert list(dict.fromkeys(message["status"] for message in messages)) == PROGRESSION
    data = messages[-1]["data"]
    assert data["txHash"]
    assert data["chosenDex"] in ("raydium", "meteora")
    assert isinstance(data["executedPrice"], float | int)


async def test_five_orders_at_once_all_confirm(stack: str) -> None:
    client = Client(stack)

    executed = await asyncio.gather(*(client.execute(ORDER) for _ in range(5)))

    assert [messages[-1]["status"] for messages in executed] == ["confirmed"] * 5


async def test_a_failed_order_says_why(failing_stack: str) -> None:
    messages = await Client(failing_stack).execute(ORDER)

    assert messages[-1]["status"] == "failed"
    assert messages[-1]["data"]["error"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": "hold"},
        {"tokenIn": ""},
        {"amountIn": -1},
        {"amountIn": 0},
        {"maxSlippageBps": 10_001},
        {"maxSlippageBps": 0.5},
    ],
)
async def test_an_order_that_does_not_validate_is_refused(
    stack: str, wrong: dict[str, Any]
) -> None:
    answer = await Client(stack).post(ORDER | wrong)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(wrong)


async def test_the_health_check_says_ok(stack: str) -> None:
    answer = await Client(stack).health()

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
