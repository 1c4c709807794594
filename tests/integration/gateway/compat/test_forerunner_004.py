"""A client written for forerunner 004, from its document alone.

It posts a user, a type and strings to `/api/orders`, and hears `{"event": ...}` on
`/ws?orderId=`.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ORDER = {
    "userId": "00000000-0000-0000-0000-000000000006",
    "type": "market",
    "tokenIn": "SOL",
    "tokenOut": "USDC",
    "amountIn": "1",
    "slippageTolerance": "0.01",
}
LIFECYCLE = ["pending", "routing", "building", "submitted", "confirmed"]


class Client:
    def __init__(self, address: str) -> None:
        self._address = address

    async def post(self, order: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            return await http.post("/api/orders", json=order)

    async def submit(self, order: dict[str, Any]) -> str:
        answer = await self.post(order)
        assert answer.status_code == 202
        order_id: str = answer.json()["orderId"]
        return order_id

    async def listen(self, query: str) -> list[dict[str, Any]]:
        """Return every message until the server closes."""
        messages = []
        async with connect(f"ws://{self._address}/ws{query}", proxy=None) as socket:
            try:
                while True:
                    messages.append(json.loads(await socket.recv()))
            except ConnectionClosed:
                return messages


async def test_an_order_is_told_in_events(stack: str) -> None:
    client = Client(stack)
    order_id = await client.submit(ORDER)

    messages = await client.listen(f"?orderId={order_id}")

    assert [message["event"] for message in messages] == LIFECYCLE
    assert messages[3]["txHash"]
    assert isinstance(messages[4]["executedPrice"], float | int)


async def test_nothing_is_told_before_it_is_known(stack: str) -> None:
    client = Client(stack)
    order_id = await client.submit(ORDER)

    first, *_ = await client.listen(f"?orderId={order_id}")

    assert first.keys() == {"event", "orderId", "timestamp"}


async def test_an_order_that_is_over_is_told_from_its_beginning(stack: str) -> None:
    client = Client(stack)
    order_id = await client.submit(ORDER)
    before = await client.listen(f"?orderId={order_id}")

    assert await client.listen(f"?orderId={order_id}&since=4") == before


async def test_a_failed_order_stores_its_error(failing_stack: str) -> None:
    client = Client(failing_stack)
    order_id = await client.submit(ORDER)

    messages = await client.listen(f"?orderId={order_id}")

    assert messages[-1]["event"] == "failed"
    assert messages[-1]["error"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "limit"},
        {"amountIn": "0"},
        {"amountIn": "one"},
        {"slippageTolerance": "2"},
        {"tokenIn": ""},
        {"userId": 6},
    ],
)
async def test_a_wrong_order_is_refused(stack: str, wrong: dict[str, Any]) -> None:
    answer = await Client(stack).post(ORDER | wrong)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(wrong)


@pytest.mark.parametrize(
    "query",
    ["", "?orderId=", "?orderId=nonsense", "?orderId=a%2Fb", "?orderId=%D9%A3", "?orderId=%FF%00"],
)
async def test_connecting_without_an_order_is_answered(stack: str, query: str) -> None:
    [answer] = await Client(stack).listen(query)

    assert answer["error"] == "The order id is not a UUID"
