"""What one client does to its socket harms no other client."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from websockets.asyncio.client import ClientConnection

from services.gateway import __main__ as main
from services.gateway.following import socket_io
from services.gateway.server.fair_websocket import FairProtocol
from shared.orders.events import OrderEvent, OrderUnresolved
from tests.support.builders import NOON, history
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, drain, gateway_settings, running_gateway
from tests.support.talk import hear, hear_until, opened, rest_of, say, upto, versions


def _frame(first: int, length: bytes, payload: bytes) -> bytes:
    """Return a client's frame, masked with zeros."""
    return bytes([first]) + length + bytes(4) + payload


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    # So rare a check that it cannot hide what the live link should have brought.
    settings = gateway_settings(redis_url, namespace, follow_check_s=600, max_subscriptions=50)
    async with running_gateway(settings) as running:
        yield running


async def test_ten_thousand_subscriptions_are_refused_past_the_bound_and_disturb_nobody(
    gateway: Gateway,
) -> None:
    order_ids = [await gateway.submit() for _ in range(60)]
    other = history(order_ids[-1])[1:]
    async with opened(gateway) as greedy, opened(gateway) as modest:
        await say(modest, subscribe=other[0].order_id)
        await hear_until(modest, "caught_up")
        asking = asyncio.create_task(_subscribe_often(greedy, order_ids, 10_000))
        await gateway.happen(*other)
        heard = await hear_until(modest, "ended")
        refused = [m["error"]["code"] for m in await asking if "error" in m]

    assert versions(heard) == {other[0].order_id: upto(other)[1:]}
    assert refused.count("TOO_MANY_SUBSCRIPTIONS") >= 10
    assert set(refused) == {"TOO_MANY_SUBSCRIPTIONS", "ALREADY_SUBSCRIBED"}


async def _subscribe_often(
    socket: ClientConnection, order_ids: Sequence[str], times: int
) -> list[dict[str, Any]]:
    async def ask() -> None:
        for i in range(times):
            await say(socket, subscribe=order_ids[i % len(order_ids)])
        await say(socket, action="ping")

    asking = asyncio.create_task(ask())
    heard = [await hear(socket)]
    while heard[-1].get("type") != "pong":
        heard.append(await hear(socket))
    await asking
    return heard


async def test_a_socket_that_is_never_read_delays_nobody(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Or it is dropped for so much, before it can delay anybody.
    monkeypatch.setattr("services.gateway.following.outbox.MOST_BYTES", 64_000_000)
    orders = [await rest_of(gateway) for _ in range(20)]
    loud = await rest_of(gateway, "sent")
    async with opened(gateway, max_queue=1) as deaf:
        for events in (*orders, loud):
            await say(deaf, subscribe=events[0].order_id)
        await gateway.happen(*loud)
        for i in range(20):  # More than the kernel is willing to hold for anybody.
            await gateway.happen(_shout(loud[-1], i))
        await eventually(lambda: _waiting(gateway))
        readers = [asyncio.create_task(_follow(gateway, o[0].order_id)) for o in orders]
        for events in orders:
            await gateway.happen(*events)
        seen = await asyncio.gather(*readers)
        waiting = _waiting(gateway)
        deaf.transport.abort()

    assert seen == [upto(events) for events in orders]
    assert waiting


def _shout(last: OrderEvent, i: int) -> OrderEvent:
    return OrderUnresolved(
        order_id=last.order_id,
        version=last.version + 1 + i,
        at=NOON,
        venue="v",
        signature="s",
        detail="." * 1_000_000,
    )


def _waiting(gateway: Gateway) -> int:
    """Return how many messages the gateway cannot get rid of."""
    return sum(len(client._waiting) for client in gateway.parts.hub._clients)


async def _follow(gateway: Gateway, order_id: str) -> list[int]:
    async with gateway.follow(order_id) as socket:
        messages, _ = await drain(socket)
    return [json.loads(message)["version"] for message in messages]


class _Watched(FairProtocol):
    """Lets the test see the gateway's side of the newest connection."""

    newest: _Watched

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _Watched.newest = self


@pytest.mark.parametrize(
    "frame",
    [
        _frame(0x81, bytes([0x80 | 17]), b'{"action":"ping"}'),
        _frame(0x81, bytes([0x80 | 2]), b"??"),
    ],
)
async def test_no_more_of_a_flood_is_taken_in_than_can_be_handled(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, frame: bytes
) -> None:
    monkeypatch.setattr(main, "FairProtocol", _Watched)
    most = 0
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        flood = await opened(gateway)
        flood.transport.pause_reading()
        for _ in range(200):
            flood.transport.write(frame * 1_000)
            await asyncio.sleep(0)
            most = max(most, _Watched.newest.queue.qsize())
        flood.transport.abort()

    assert most < 500


async def test_a_client_that_asks_and_never_reads_is_closed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_io, "WRITE_S", 0.5)
    monkeypatch.setattr(socket_io, "CLOSE_S", 60)
    slow_before = _slow_clients()
    loud = await rest_of(gateway, "sent")
    await gateway.happen(*loud, _shout(loud[-1], 0), publish=False)
    async with opened(gateway, max_queue=1) as deaf:
        for _ in range(50):  # More than the kernel is willing to hold for anybody.
            await say(deaf, subscribe=loud[0].order_id)
            await say(deaf, unsubscribe=loud[0].order_id)
        await eventually(lambda: _slow_clients() > slow_before)
        _, code = await drain(deaf)

    assert code == 1013


def _slow_clients() -> float:
    return REGISTRY.get_sample_value("slipstream_slow_clients_total") or 0


@pytest.mark.parametrize(
    "garbage",
    [
        random.Random(1).randbytes(10_000),
        _frame(0x81, bytes([0x80 | 127]) + (2**62).to_bytes(8, "big"), b"x"),  # 4 EiB to come.
        _frame(0x81, bytes([0x80 | 126]) + (60_000).to_bytes(2, "big"), b"half of it"),
        _frame(0x01, bytes([0x80 | 5]), b"to be") * 2,  # A message within a message.
        _frame(0x80, bytes([0x80 | 4]), b"more"),  # More of nothing.
        _frame(0x81, bytes([0x80 | 2]), b"\xff\xfe"),  # No text.
        b"\x81\x04bare",  # Unmasked.
        _frame(0x83, bytes([0x80]), b""),  # No such kind of frame.
        _frame(0x89, bytes([0x80 | 4]), b"ping") * 50_000,
        _frame(0x00, bytes([0x80]), b"") * 50_000,
        _frame(0x88, bytes([0x80 | 1]), b"x"),  # Half a close code.
    ],
    ids=range(11),
)
async def test_garbage_harms_no_other_client(gateway: Gateway, garbage: bytes) -> None:
    events = await rest_of(gateway)
    async with opened(gateway) as socket:
        await say(socket, subscribe=events[0].order_id)
        heard = await hear_until(socket, "caught_up")
        bad = await opened(gateway)
        bad.transport.write(garbage)
        await gateway.happen(*events)
        heard += await hear_until(socket, "ended")
        bad.transport.abort()
    answer = await gateway.http.get(f"/api/orders/{events[0].order_id}")

    assert versions(heard) == {events[0].order_id: upto(events)}
    assert answer.status_code == 200
