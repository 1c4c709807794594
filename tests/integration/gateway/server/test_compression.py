"""Bytes saved: answers by gzip, and a bounded number of sockets by permessage-deflate."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, max_compressed_sockets=1)
    async with running_gateway(settings) as running:
        yield running


def many(gateway: Gateway) -> connect:
    return connect(f"ws://{gateway.address}/api/orders/ws", proxy=None)


def packs(socket: ClientConnection) -> bool:
    return "permessage-deflate" in _extensions(socket)


def _extensions(socket: ClientConnection) -> str:
    assert socket.response is not None
    return socket.response.headers.get("Sec-WebSocket-Extensions", "")


async def test_a_long_answer_is_packed_for_who_takes_it_and_a_short_one_is_not(
    gateway: Gateway,
) -> None:
    long, short = await gateway.http.get("/openapi.json"), await gateway.http.get("/health")
    plain = await gateway.http.get("/openapi.json", headers={"accept-encoding": "identity"})

    assert long.headers["content-encoding"] == "gzip"
    assert long.headers["vary"] == "Accept-Encoding"
    assert int(long.headers["content-length"]) < len(long.content) / 4
    assert "content-encoding" not in short.headers
    assert "content-encoding" not in plain.headers
    assert long.json() == plain.json()


async def test_so_many_sockets_are_packed_and_one_that_leaves_makes_room(gateway: Gateway) -> None:
    async with many(gateway) as first, many(gateway) as second:
        await first.send(json.dumps({"action": "ping"}))
        pong = json.loads(await first.recv())

        assert (packs(first), packs(second)) == (True, False)
        assert pong["type"] == "pong"

    async def packed() -> bool:
        async with many(gateway) as later:
            return packs(later)

    assert await eventually(packed)


async def test_a_socket_for_one_order_is_not_packed(gateway: Gateway) -> None:
    order_id = await gateway.submit()
    async with gateway.follow(order_id) as socket:
        assert not packs(socket)


async def test_a_packed_message_that_is_too_long_unpacked_ends_its_socket(
    gateway: Gateway,
) -> None:
    async with many(gateway) as socket:
        assert packs(socket)
        await socket.send("x" * 1_000_000)
        await socket.wait_closed()

    assert socket.close_code == 1009
