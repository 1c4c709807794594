"""A client written for forerunner 003, from its document alone.

It posts `amount` and `slippage` to `/api/orders/execute`, is answered 201, follows the order on
the same address, where it may also place one, and watches `/api/orders/stats`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.eventually import eventually

ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1.5, "slippage": 0.01}
LIFECYCLE = ["pending", "routing", "building", "submitted", "confirmed"]


class Client:
    def __init__(self, address: str) -> None:
        self._address = address

    async def post(self, order: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            return await http.post("/api/orders/execute", json=order)

    async def stats(self) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=f"http://{self._address}") as http:
            answer = await http.get("/api/orders/stats")
        answer.raise_for_status()
        stats: dict[str, Any] = answer.json()
        return stats

    def connect(self, query: str = "") -> connect:
        return connect(f"ws://{self._address}/api/orders/execute{query}", proxy=None)


async def updates(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return what a socket tells of an order, up to its end."""
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["status"] not in ("confirmed", "failed"):
        heard.append(json.loads(await socket.recv()))
    return heard


async def test_an_order_is_created_with_its_time(stack: str) -> None:
    answer = await Client(stack).post(ORDER)

    assert answer.status_code == 201
    assert answer.json()["status"] == "pending"
    created = datetime.fromisoformat(answer.json()["timestamp"])
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


async def test_an_order_is_followed_on_the_same_address(stack: str) -> None:
    client = Client(stack)
    order_id = (await client.post(ORDER)).json()["orderId"]

    async with client.connect(f"?orderId={order_id}") as socket:
        heard = await updates(socket)

    assert list(dict.fromkeys(update["status"] for update in heard)) == LIFECYCLE
    assert heard[-1]["txHash"]


async def test_an_order_is_placed_and_followed_on_one_connection(stack: str) -> None:
    async with Client(stack).connect() as socket:
        await socket.send(json.dumps(ORDER))
        placed = json.loads(await socket.recv())
        heard = await updates(socket)

    assert placed.keys() >= {"orderId", "status", "timestamp"}
    assert [update["status"] for update in heard] == LIFECYCLE
    assert {update["orderId"] for update in heard} == {placed["orderId"]}
    assert heard[-1]["txHash"]


async def test_a_failed_order_includes_the_reason(failing_stack: str) -> None:
    client = Client(failing_stack)
    order_id = (await client.post(ORDER)).json()["orderId"]

    async with client.connect(f"?orderId={order_id}") as socket:
        heard = await updates(socket)

    assert heard[-1]["status"] == "failed"
    assert heard[-1]["reason"]


WRONG = [
    {"amount": 0},
    {"amount": -1.5},
    {"slippage": 1.5},
    {"slippage": "little"},
    {"tokenOut": "SOL"},
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_order_is_refused_by_the_fields_own_name(
    stack: str, wrong: dict[str, Any]
) -> None:
    answer = await Client(stack).post(ORDER | wrong)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(wrong)


async def test_a_wrong_order_on_the_socket_leaves_it_open_for_a_right_one(stack: str) -> None:
    async with Client(stack).connect() as socket:
        await socket.send(json.dumps(ORDER | {"slippage": 2}))
        await socket.send(json.dumps(ORDER | {"amount": -1}))
        refusals = [json.loads(await socket.recv()) for _ in range(2)]
        await socket.send(json.dumps(ORDER))
        placed = json.loads(await socket.recv())

    assert [refusal["error"] for refusal in refusals] == ["The order is not valid"] * 2
    assert placed["status"] == "pending"


async def test_the_statistics_count_queue_and_connections(stack: str) -> None:
    client = Client(stack)
    before = await client.stats()
    async with client.connect() as socket:
        await socket.send(json.dumps(ORDER))
        await socket.recv()
        await updates(socket)

        async def counted() -> dict[str, Any] | None:
            stats = await client.stats()
            return stats if stats["queue"]["completed"] > before["queue"]["completed"] else None

        stats = await eventually(counted)

    assert stats is not None
    assert stats["queue"].keys() >= {"waiting", "active", "completed", "failed"}
    assert stats["websocket"]["connections"] > 0
