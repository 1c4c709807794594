"""One socket serves many orders: what it is told, and what it answers."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.gateway.access.api_keys import line_for, new_key
from shared.orders.events import OrderEvent
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.gateway import ORDER, Gateway, drain, gateway_settings, running_gateway
from tests.support.talk import MANY, hear, hear_until, opened, rest_of, say, upto, versions

EXECUTE = "/api/orders/execute"
NOBODYS = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"  # An order id that was never given.


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    # So rare a check that it cannot hide what the live link should have brought.
    settings = gateway_settings(redis_url, namespace, follow_check_s=600, max_subscriptions=50)
    async with running_gateway(settings) as running:
        yield running


async def test_many_orders_are_followed_to_their_ends_over_one_socket(gateway: Gateway) -> None:
    orders = [await rest_of(gateway) for _ in range(30)]
    async with opened(gateway) as socket:
        for events in orders:
            await say(socket, subscribe=events[0].order_id)
        heard = await hear_until(socket, *["caught_up"] * 30)
        for happening in zip(*orders, strict=True):
            for event in happening:
                await gateway.happen(event)
        heard += await hear_until(socket, *["ended"] * 30)

    assert versions(heard) == {events[0].order_id: upto(events) for events in orders}


async def test_a_marker_stands_between_what_was_and_what_comes(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    order_id = events[0].order_id
    await gateway.happen(*events[:2])
    async with opened(gateway) as socket:
        await say(socket, subscribe=order_id, since=1, id=7)
        past = [await hear(socket) for _ in range(3)]
        await gateway.happen(*events[2:])
        future = await hear_until(socket, "ended")

    assert versions(past[:2]) == {order_id: [2, 3]}
    assert past[2] == {"marker": "caught_up", "orderId": order_id, "version": 3, "reply": 7}
    assert versions(future) == {order_id: [4, 5, 6]}
    assert future[-1] == {"marker": "ended", "orderId": order_id, "version": 6}


async def test_a_client_that_wants_no_markers_gets_events_only(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with opened(gateway) as socket:
        await say(socket, subscribe=events[0].order_id, markers=False)
        await say(socket, action="ping", id="then")
        heard = [await hear(socket), await hear(socket)]
        await gateway.happen(*events)
        heard += [await hear(socket) for _ in events]

    assert [message.get("version") for message in heard] == [1, None, *upto(events)[1:]]


async def test_nothing_comes_of_an_order_that_was_unsubscribed_until_it_is_wanted_again(
    gateway: Gateway,
) -> None:
    events = await rest_of(gateway)
    order_id = events[0].order_id
    async with opened(gateway) as socket:
        await say(socket, subscribe=order_id)
        await say(socket, unsubscribe=order_id, id="enough")
        before = await hear_until(socket, "unsubscribed")
        await gateway.happen(*events[:3])
        await say(socket, action="ping")
        silence = await hear(socket)
        await say(socket, subscribe=order_id, since=1)
        after = await hear_until(socket, "caught_up")

    assert versions(before) == {order_id: [1]}
    assert before[-1]["reply"] == "enough"
    assert silence == {"type": "pong"}
    assert versions(after) == {order_id: [2, 3, 4]}


@pytest.mark.parametrize("path", [EXECUTE, MANY])
async def test_an_order_can_be_placed_and_followed_over_the_same_socket(
    gateway: Gateway, path: str
) -> None:
    async with opened(gateway, path) as socket:
        await say(socket, action="submit", order=ORDER | {"amountIn": 0.1}, id="mine")
        reply, *_ = past = await hear_until(socket, "caught_up")
        events = history(reply["orderId"])[1:]
        await gateway.happen(*events)
        heard = past[1:] + await hear_until(socket, "ended")
    order = (await gateway.http.get(f"/api/orders/{reply['orderId']}")).json()

    assert (reply["reply"], reply["status"], reply["replayed"]) == ("mine", "pending", False)
    assert versions(heard) == {reply["orderId"]: upto(events)}
    assert order["amountIn"] == "0.1"


async def test_an_order_placed_twice_with_one_key_is_one_order(gateway: Gateway) -> None:
    async with opened(gateway) as socket:
        for request_id in (1, 2):
            await say(
                socket,
                action="submit",
                order=ORDER,
                idempotencyKey="k",
                follow=False,
                id=request_id,
            )
        first, second = await hear(socket), await hear(socket)

    assert first["orderId"] == second["orderId"]
    assert sorted([first["replayed"], second["replayed"]]) == [False, True]


async def test_an_order_is_cancelled_over_the_socket_and_its_followers_learn_of_it(
    gateway: Gateway,
) -> None:
    order_id = await gateway.submit()
    async with opened(gateway) as socket:
        await say(socket, action="cancel", orderId=order_id, id=1)
        done = await hear(socket)
        await say(socket, subscribe=order_id)
        heard = await hear_until(socket, "ended")

    assert (done["reply"], done["order"]["status"]) == (1, "cancelled")
    assert versions(heard) == {order_id: [1, 2]}


async def test_an_address_with_an_order_id_follows_that_order_alone(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    await gateway.happen(*events)
    async with opened(gateway, f"{EXECUTE}?orderId={events[0].order_id}") as socket:
        messages, code = await drain(socket)

    assert [json.loads(message)["version"] for message in messages] == upto(events)
    assert code == 1000


@pytest.mark.parametrize(
    ("said", "code", "request_id"),
    [
        ("", "INVALID_MESSAGE", None),
        ("{", "INVALID_MESSAGE", None),
        ("[1]", "INVALID_MESSAGE", None),
        ("[" * 9_999, "INVALID_MESSAGE", None),
        (b"\xff\xfe", "INVALID_MESSAGE", None),
        ('{"id": 7}', "INVALID_MESSAGE", 7),
        ('{"action": "sbumit", "id": "a"}', "INVALID_MESSAGE", "a"),
        ('{"action": 1, "id": {}}', "INVALID_MESSAGE", None),
        ('{"action": "ping", "id": "%s"}' % ("x" * 65), "INVALID_MESSAGE", None),
        ('{"subscribe": 1, "id": 1}', "INVALID_MESSAGE", 1),
        ('{"subscribe": "\\ud800", "id": 1}', "INVALID_MESSAGE", None),
        ('{"subscribe": "42", "id": 1}', "INVALID_ORDER_ID", 1),
        ('{"subscribe": "%s", "since": -1, "id": 1}', "INVALID_MESSAGE", 1),
        ('{"subscribe": "%s", "since": 1.5, "id": 1}', "INVALID_MESSAGE", 1),
        ('{"subscribe": "%s", "sinse": 1, "id": 1}', "INVALID_MESSAGE", 1),
        ('{"subscribe": "%s", "id": 1}', "HISTORY_UNAVAILABLE", 1),
        ('{"unsubscribe": "%s", "id": 1}', "NOT_SUBSCRIBED", 1),
        ('{"action": "submit", "id": 1}', "INVALID_MESSAGE", 1),
        ('{"action": "submit", "order": 5, "id": 1}', "MALFORMED_BODY", 1),
        ('{"action": "submit", "order": {"amountIn": "-1"}, "id": 1}', "INVALID_ORDER", 1),
        (
            '{"action": "submit", "order": {}, "idempotencyKey": "", "id": 1}',
            "INVALID_IDEMPOTENCY_KEY",
            1,
        ),
        ('{"action": "cancel", "orderId": "x", "id": 1}', "INVALID_ORDER_ID", 1),
        ('{"action": "ping", "id": 2, "id": 1}', "INVALID_MESSAGE", 1),
        (
            '{"action": "submit", "order": {"amountIn": 1, "amountIn": 2}, "id": 1}',
            "INVALID_ORDER",
            1,
        ),
    ],
)
async def test_what_is_wrong_is_said_and_the_socket_stays_open(
    gateway: Gateway, said: str | bytes, code: str, request_id: object
) -> None:
    order_id = await gateway.submit()
    async with opened(gateway) as socket:
        await socket.send(said.replace("%s", NOBODYS) if isinstance(said, str) else said)
        answer = await hear(socket)
        await say(socket, subscribe=order_id)
        still = await hear_until(socket, "caught_up")

    assert (answer["error"]["code"], answer["reply"]) == (code, request_id)
    assert versions(still) == {order_id: [1]}


@pytest.mark.parametrize("query", ["?since=0&since=1", "?since=0&since=0"])
async def test_a_parameter_that_is_given_twice_opens_no_stream(
    gateway: Gateway, query: str
) -> None:
    order_id = await gateway.submit()
    async with opened(gateway, f"/api/orders/{order_id}/ws{query}") as one:
        _, of_since = await drain(one)
    twice = f"{EXECUTE}?orderId={order_id}&orderId={order_id}"
    async with opened(gateway, twice) as other:
        _, of_id = await drain(other)

    assert (of_since, of_id) == (4400, 4400)


async def test_an_order_is_followed_once_by_a_socket(gateway: Gateway) -> None:
    order_id = await gateway.submit()
    async with opened(gateway) as socket:
        await say(socket, subscribe=order_id)
        await say(socket, subscribe=order_id.upper(), id=2)
        heard = [await hear(socket) for _ in range(3)]
    [refused] = [message["error"] for message in heard if "error" in message]

    assert (refused["code"], refused["orderId"]) == ("ALREADY_SUBSCRIBED", order_id)
    assert versions(heard) == {order_id: [1]}


async def test_a_client_that_reads_is_not_too_slow_for_a_burst(
    redis_url: str, namespace: str
) -> None:
    settings = gateway_settings(redis_url, namespace, follow_check_s=600, socket_queue=100)
    async with running_gateway(settings) as gateway:
        orders = await asyncio.gather(*(rest_of(gateway) for _ in range(150)))
        async with opened(gateway) as socket:
            for events in orders:
                await say(socket, subscribe=events[0].order_id, since=1)
            await hear_until(socket, *["caught_up"] * 150)
            for events in orders:
                await gateway.happen(*events, publish=False)
            await gateway.publish(*chain(*orders))
            heard = await hear_until(socket, *["ended"] * 150)

    assert versions(heard) == {events[0].order_id: upto(events)[1:] for events in orders}


async def test_what_was_missed_while_the_link_was_cut_is_made_up_for_at_every_order(
    gateway: Gateway,
) -> None:
    orders = [await rest_of(gateway) for _ in range(20)]
    async with opened(gateway) as socket:
        for events in orders:
            await say(socket, subscribe=events[0].order_id)
        heard = await hear_until(socket, *["caught_up"] * 20)
        # Before, for the link may be up again before all has happened.
        for events in orders:
            await gateway.happen(*events, publish=False)
        await gateway.log.client.call("CLIENT", "KILL", "TYPE", "pubsub")
        heard += await hear_until(socket, *["ended"] * 20)

    assert versions(heard) == {events[0].order_id: upto(events) for events in orders}


async def test_a_gateway_that_stops_sends_also_those_elsewhere_that_follow_nothing(
    gateway: Gateway,
) -> None:
    async with opened(gateway) as socket:
        await say(socket, action="ping")
        await hear(socket)
        gateway.stop.set()
        _, code = await drain(socket)

    assert code == 1012


async def test_over_a_socket_a_caller_may_do_what_it_may_do_anyway(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    keys = {role: new_key() for role in ("read", "trade")}
    lines = [line_for(key, f"{role}s", role, "") for role, key in keys.items()]
    (tmp_path / "keys").write_text("\n".join(lines))
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(tmp_path / "keys"))
    header = {role: {"Authorization": f"Bearer {key}"} for role, key in keys.items()}
    async with (
        running_gateway(settings) as gateway,
        opened(gateway, additional_headers=header["read"]) as reader,
        opened(gateway, additional_headers=header["trade"]) as trader,
    ):
        await say(trader, action="submit", order=ORDER, id="mine")
        placed, *_ = await hear_until(trader, "caught_up")
        order_id = placed["orderId"]
        await say(reader, action="submit", order=ORDER)
        await say(reader, action="cancel", orderId=order_id)
        await say(reader, subscribe=order_id, since=1)
        refused = [await hear(reader) for _ in range(3)]
        await gateway.happen(*history(order_id)[1:])
        heard = await hear_until(trader, "ended")
        await say(reader, action="ping")
        silence = await hear(reader)

    assert [answer["error"]["code"] for answer in refused] == [
        *("FORBIDDEN", "FORBIDDEN", "ORDER_NOT_FOUND")
    ]
    assert versions(heard) == {order_id: [2, 3, 4, 5, 6]}
    assert silence == {"type": "pong"}


async def test_orders_over_a_socket_count_against_the_rate_limit(
    redis_url: str, namespace: str
) -> None:
    settings = gateway_settings(redis_url, namespace, rate_limit_account="2/day")
    async with running_gateway(settings) as gateway, opened(gateway) as socket:
        for _ in range(3):
            await say(socket, action="submit", order=ORDER, follow=False)
        answers = [await hear(socket) for _ in range(3)]
    refused = [answer["error"]["code"] for answer in answers if "error" in answer]

    assert refused == ["RATE_LIMITED"]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_client_that_hops_between_gateways_misses_and_repeats_nothing(
    redis_url: str, namespace: str, seed: int
) -> None:
    chance = random.Random(seed)
    settings = gateway_settings(redis_url, namespace, follow_check_s=0.1)
    async with running_gateway(settings) as one, running_gateway(settings) as other:
        orders = [await rest_of(one, "rerouted") for _ in range(8)]
        heard: list[dict[str, Any]] = []
        order_ids = [events[0].order_id for events in orders]
        hopper = asyncio.create_task(_hop((one, other), order_ids, chance, heard))
        for happening in zip(*orders, strict=True):
            for event in happening:
                # A notifier may die before it publishes; then only the history has the event.
                await one.happen(event, publish=chance.random() < 0.8)
            if chance.random() < 0.7:
                await eventually(partial(_has_all_of, heard, happening))
        await hopper

    assert versions(heard) == {events[0].order_id: upto(events) for events in orders}


def _has_all_of(heard: Iterable[dict[str, Any]], happening: Iterable[OrderEvent]) -> bool:
    seen = versions(heard)
    return all(event.version in seen.get(event.order_id, []) for event in happening)


async def _hop(
    gateways: Sequence[Gateway],
    order_ids: Sequence[str],
    chance: random.Random,
    heard: list[dict[str, Any]],
) -> None:
    """Follow orders to their ends over connections that do not last."""
    since = dict.fromkeys(order_ids, 0)
    while since:
        async with opened(chance.choice(gateways), max_queue=None) as socket:
            for order_id, version in since.items():
                await say(socket, subscribe=order_id, since=version)
            for _ in range(chance.randrange(1, 40)):
                heard.append(message := await hear(socket))
                if "type" in message:
                    since[message["orderId"]] = message["version"]
                elif message["marker"] == "ended":
                    del since[message["orderId"]]
                if not since:
                    break
            if chance.random() < 0.5:
                socket.transport.abort()
