"""Event streams: what a WebSocket brings, over plain HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from services.gateway.following import server_sent_events
from shared.orders.events import OrderEvent
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway

STREAM = {"Accept": "text/event-stream"}


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    # So rare a check that it cannot hide what the live link should have brought.
    settings = gateway_settings(redis_url, namespace, follow_check_s=600)
    async with running_gateway(settings) as running:
        yield running


async def rest_of(gateway: Gateway) -> list[OrderEvent]:
    """Place an order and return what is to happen to it next."""
    return history(await gateway.submit())[1:]


class Stream:
    """An open stream, read as a browser does."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[int, str]:
        """Return the next event's id and data."""
        version = ""
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "id":
                version = value
            elif name == "data":
                return int(version), value
        raise EOFError

    async def rest(self) -> list[int]:
        """Return the ids of what comes until the stream ends."""
        found = []
        try:
            while True:
                found.append((await self.next())[0])
        except EOFError:
            return found

    async def heartbeat(self) -> None:
        """Return at the next line that says nothing."""
        async for line in self._lines:
            if line == ":":
                return


@asynccontextmanager
async def following(gateway: Gateway, order_id: str, **headers: str) -> AsyncIterator[Stream]:
    address, more = f"/api/orders/{order_id}/events", STREAM | headers
    async with gateway.http.stream("GET", address, headers=more) as response:
        yield Stream(response)


def upto(events: Sequence[OrderEvent]) -> list[int]:
    return list(range(1, events[-1].version + 1))


async def test_a_stream_brings_every_event_once_and_ends_with_the_order(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with following(gateway, events[0].order_id) as stream:
        first, data = await stream.next()
        for event in events:
            await gateway.happen(event)
        versions = [first, *await stream.rest()]

    assert stream.response.headers["content-type"] == "text/event-stream"
    assert versions == upto(events)
    assert json.loads(data)["status"] == "pending"


async def test_a_stream_shows_events_as_the_list_does(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    order_id = events[0].order_id
    await gateway.happen(*events)
    async with following(gateway, order_id) as stream:
        shown = [json.loads((await stream.next())[1]) for _ in upto(events)]
    listed = await gateway.http.get(f"/api/orders/{order_id}/events")

    assert shown == listed.json()


async def test_a_stream_goes_on_behind_the_last_event_id_at_any_gateway(
    gateway: Gateway, redis_url: str, namespace: str
) -> None:
    events = await rest_of(gateway)
    order_id = events[0].order_id
    async with following(gateway, order_id) as stream:
        await gateway.happen(events[0])
        seen = [(await stream.next())[0], (await stream.next())[0]]
    await gateway.happen(*events[1:3])
    async with (
        running_gateway(gateway_settings(redis_url, namespace)) as other,
        following(other, order_id, **{"Last-Event-ID": "2"}) as stream,
    ):
        seen.append((await stream.next())[0])
        await gateway.happen(*events[3:])
        seen += await stream.rest()

    assert seen == upto(events)


async def test_a_client_that_comes_back_after_the_end_is_told_to_stay_away(
    gateway: Gateway,
) -> None:
    events = await rest_of(gateway)
    await gateway.happen(*events)
    last = str(events[-1].version)
    async with following(gateway, events[0].order_id, **{"Last-Event-ID": last}) as stream:
        assert stream.response.status_code == 204  # Then a browser connects no more.


async def test_updates_missed_while_the_link_was_cut_are_made_up_for(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with following(gateway, events[0].order_id) as stream:
        await stream.next()
        # Before, for the link may be up again before all has happened.
        await gateway.happen(*events, publish=False)
        await gateway.log.client.call("CLIENT", "KILL", "TYPE", "pubsub")

        assert await stream.rest() == upto(events)[1:]


async def test_a_stream_says_now_and_then_that_it_is_alive(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_sent_events, "HEARTBEAT_S", 0.02)
    async with following(gateway, await gateway.submit()) as stream:
        await stream.next()
        await stream.heartbeat()
        await stream.heartbeat()


@pytest.mark.parametrize("last", ["x", "-1", "9999999999", "1.5"])
async def test_a_last_event_id_that_is_no_version_is_refused(gateway: Gateway, last: str) -> None:
    address = f"/api/orders/{await gateway.submit()}/events"
    answer = await gateway.http.get(address, headers=STREAM | {"Last-Event-ID": last})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_SINCE")


async def test_a_last_event_id_that_is_given_twice_is_refused(gateway: Gateway) -> None:
    address = f"/api/orders/{await gateway.submit()}/events"
    twice = [*STREAM.items(), ("Last-Event-ID", "0"), ("Last-Event-ID", "1")]
    answer = await gateway.http.get(address, headers=twice)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_SINCE")


async def test_one_stream_too_many_is_refused_until_another_ends(
    redis_url: str, namespace: str
) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace, max_sockets=1)) as gateway:
        order_id = await gateway.submit()
        address = f"/api/orders/{order_id}/events"
        async with following(gateway, order_id) as stream:
            await stream.next()
            refused = await gateway.http.get(address, headers=STREAM)

        async def let_in() -> bool:
            async with following(gateway, order_id) as stream:
                return stream.response.status_code == 200

        assert await eventually(let_in)
        assert (refused.status_code, refused.json()["code"]) == (503, "TOO_MANY_SOCKETS")


async def test_a_client_that_left_is_forgotten(gateway: Gateway) -> None:
    before = _open()
    async with following(gateway, await gateway.submit()) as stream:
        await stream.next()

        assert _open() == before + 1
    assert await eventually(lambda: _open() == before)


async def test_a_client_that_does_not_read_is_given_up(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_sent_events, "WRITE_S", 0.2)
    monkeypatch.setattr(server_sent_events, "HEARTBEAT_S", 0.0001)
    monkeypatch.setattr(server_sent_events, "_HEARTBEAT", b":" + b" " * 100_000 + b"\n\n")
    before, slow = _open(), _slow()
    with socket.create_connection(("127.0.0.1", int(gateway.address.rpartition(":")[2]))) as deaf:
        address = f"/api/orders/{await gateway.submit()}/events"
        deaf.sendall(
            f"GET {address} HTTP/1.1\r\nHost: [::1]\r\nAccept: text/event-stream\r\n\r\n".encode()
        )

        assert await eventually(lambda: _slow() == slow + 1)
        assert await eventually(lambda: _open() == before)


async def test_a_leaving_gateway_ends_its_streams(gateway: Gateway) -> None:
    async with following(gateway, await gateway.submit()) as stream:
        await stream.next()
        gateway.stop.set()

        assert await stream.rest() == []


def _open() -> float:
    return REGISTRY.get_sample_value("slipstream_event_streams") or 0


def _slow() -> float:
    return REGISTRY.get_sample_value("slipstream_slow_clients_total") or 0
