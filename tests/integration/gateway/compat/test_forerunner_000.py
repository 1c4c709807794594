"""A client written for forerunner 000, from its document alone.

It posts to `/api/orders/execute`, connects to `/api/orders/ws`, says which order it means, and
hears `pending`, `routing`, `building`, `submitted`, `confirmed`, or `failed` with a
`failureReason`.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": 1.5, "slippagePct": 1}
LIFECYCLE = ["pending", "routing", "building", "submitted", "confirmed"]


class Client:
    def __init__(self, address: str) -> None:
        self._address = address

    async def post(self, order: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            return await http.post("/api/orders/execute", json=order)

    async def submit(self, order: dict[str, Any]) -> str:
        answer = await self.post(order)
        answer.raise_for_status()
        order_id: str = answer.json()["orderId"]
        return order_id

    def connect(self) -> connect:
        return connect(f"ws://{self._address}/api/orders/ws", proxy=None)

    async def events(self, *order_ids: str) -> dict[str, list[dict[str, Any]]]:
        """Return the events of orders, up to the end of each."""
        async with self.connect() as socket:
            return await events(socket, *order_ids)


async def events(socket: ClientConnection, *order_ids: str) -> dict[str, list[dict[str, Any]]]:
    """Ask for orders and return their events, up to the end of each."""
    heard: dict[str, list[dict[str, Any]]] = {order_id: [] for order_id in order_ids}
    running = set(order_ids)
    for order_id in order_ids:
        await socket.send(json.dumps({"orderId": order_id}))
    while running:
        event = json.loads(await socket.recv())
        heard[event["orderId"]].append(event)
        if event["status"] in ("confirmed", "failed"):
            running.remove(event["orderId"])
    return heard


async def test_an_order_goes_through_its_statuses_to_the_end(stack: str) -> None:
    client = Client(stack)
    order_id = await client.submit(ORDER)

    heard = (await client.events(order_id))[order_id]

    assert [event["status"] for event in heard] == LIFECYCLE
    assert heard[-1]["chosenDex"] in ("raydium", "meteora")
    assert heard[-1]["executedPrice"] > 0
    assert heard[-1]["txHash"]


async def test_one_socket_hears_of_several_orders(stack: str) -> None:
    client = Client(stack)
    order_ids = [await client.submit(ORDER) for _ in range(3)]

    heard = await client.events(*order_ids)

    assert [[e["status"] for e in heard[order_id]] for order_id in order_ids] == [LIFECYCLE] * 3


async def test_an_order_that_is_over_can_be_asked_for_again(stack: str) -> None:
    client = Client(stack)
    order_id = await client.submit(ORDER)
    async with client.connect() as socket:
        once = await events(socket, order_id)
        again = await events(socket, order_id)

    assert again == once


async def test_a_failed_order_says_why(failing_stack: str) -> None:
    client = Client(failing_stack)
    order_id = await client.submit(ORDER)

    heard = (await client.events(order_id))[order_id]

    assert heard[-1]["status"] == "failed"
    assert heard[-1]["failureReason"]


@pytest.mark.parametrize(
    "wrong",
    [{"amountIn": 0}, {"amountIn": "much"}, {"tokenOut": ""}, {"slippagePct": 101}, {"tokenIn": 1}],
)
async def test_a_wrong_order_is_refused(stack: str, wrong: dict[str, Any]) -> None:
    answer = await Client(stack).post(ORDER | wrong)

    assert answer.status_code == 400
    assert set(wrong) <= set(answer.json()["message"].split())


async def test_asking_for_an_order_that_is_none_is_answered(stack: str) -> None:
    async with connect(f"ws://{stack}/api/orders/ws", proxy=None) as socket:
        await socket.send(json.dumps({"orderId": "no-such-order"}))
        answer = json.loads(await socket.recv())

    assert answer["error"] == "The order id is not a UUID"
