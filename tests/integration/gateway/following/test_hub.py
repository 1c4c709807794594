"""Clients follow orders: every version once and in order, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from services.gateway.following import hub, socket_io, websockets
from services.gateway.openapi.schemas import EventView, OrderView, ProblemView
from shared.archive.archive import Archive
from shared.archive.fold import Recorded
from shared.archive.migrate import migrate
from shared.orders.codec import encode
from shared.orders.events import OrderEvent, OrderUnresolved
from shared.streams.log import live_updates
from tests.support.builders import NOON, Ending, history
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, drain, gateway_settings, running_gateway
from tests.support.proxy import proxied
from tests.support.replicas import publish

NOBODYS = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"  # An order id that was never given.


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    # So rare a check that it cannot hide what the live link should have brought.
    settings = gateway_settings(redis_url, namespace, follow_check_s=600)
    async with running_gateway(settings) as running:
        yield running


async def rest_of(gateway: Gateway, ending: Ending = "confirmed") -> list[OrderEvent]:
    """Place an order and return what is to happen to it next."""
    return history(await gateway.submit(), ending=ending)[1:]


def versions(messages: Sequence[str]) -> list[int]:
    return [json.loads(message)["version"] for message in messages]


def upto(events: Sequence[OrderEvent]) -> list[int]:
    return list(range(1, events[-1].version + 1))


async def up_to_date(socket: ClientConnection) -> None:
    """Return once the gateway has answered: whatever it was to do before is done."""
    await socket.send('{"action":"ping"}')
    while json.loads(await socket.recv())["type"] != "pong":
        pass


async def test_a_client_sees_every_event_once_and_in_order_until_the_end(
    gateway: Gateway,
) -> None:
    events = await rest_of(gateway)
    async with gateway.follow(events[0].order_id) as socket:
        first = await socket.recv()
        for event in events:
            await gateway.happen(event)
        rest, code = await drain(socket)

    assert versions([str(first), *rest]) == upto(events)
    assert [json.loads(m)["status"] for m in rest][-1] == "confirmed"
    assert code == 1000


async def test_a_late_client_sees_everything(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    await gateway.happen(*events)
    async with gateway.follow(events[0].order_id) as socket:
        messages, code = await drain(socket)

    assert (versions(messages), code) == (upto(events), 1000)


async def test_a_client_goes_on_at_another_gateway_where_it_left_off(
    gateway: Gateway, redis_url: str, namespace: str
) -> None:
    events = await rest_of(gateway)
    order_id = events[0].order_id
    async with gateway.follow(order_id) as socket:
        await gateway.happen(events[0])
        seen = [str(await socket.recv()), str(await socket.recv())]
    await gateway.happen(*events[1:3])
    async with (
        running_gateway(gateway_settings(redis_url, namespace)) as other,
        other.follow(order_id, since=2) as socket,
    ):
        seen.append(str(await socket.recv()))
        await gateway.happen(*events[3:])
        rest, _ = await drain(socket)

    assert versions(seen + rest) == upto(events)


async def test_updates_missed_while_the_link_was_cut_are_made_up_for(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with gateway.follow(events[0].order_id) as socket:
        await up_to_date(socket)
        # Before, for the link may be up again before all has happened.
        await gateway.happen(*events[:2], publish=False)
        await gateway.log.client.call("CLIENT", "KILL", "TYPE", "pubsub")
        healed = [str(await socket.recv()), str(await socket.recv())]
        await gateway.happen(*events[2:])
        rest, _ = await drain(socket)

    assert versions(healed + rest) == upto(events)[1:]


async def test_a_lost_update_is_healed_by_the_one_after_it(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with gateway.follow(events[0].order_id) as socket:
        await up_to_date(socket)
        await gateway.happen(*events[:3], publish=False)
        await gateway.publish(events[2])
        healed = [str(await socket.recv()) for _ in range(3)]

    assert versions(healed) == [2, 3, 4]


async def test_an_unreadable_update_is_healed_from_the_history(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with gateway.follow(events[0].order_id) as socket:
        await up_to_date(socket)
        await gateway.happen(events[0], publish=False)
        await publish(gateway.log, (events[0].order_id, b"not json"))

        assert versions([str(await socket.recv())]) == [2]


async def test_a_lost_last_update_is_found_by_the_regular_check(
    redis_url: str, namespace: str
) -> None:
    settings = gateway_settings(redis_url, namespace, follow_check_s=0.1)
    async with running_gateway(settings) as gateway:
        events = await rest_of(gateway)
        async with gateway.follow(events[0].order_id) as socket:
            await up_to_date(socket)
            await gateway.happen(*events, publish=False)
            messages, code = await drain(socket)

    assert (versions(messages), code) == (upto(events)[1:], 1000)


async def test_repeated_and_overtaken_updates_are_sent_once_and_in_order(
    gateway: Gateway,
) -> None:
    events = await rest_of(gateway)
    async with gateway.follow(events[0].order_id) as socket:
        await up_to_date(socket)
        await gateway.happen(*events, publish=False)
        await gateway.publish(*random.Random(1).choices(events, k=50), *events)
        messages, _ = await drain(socket)

    assert versions(messages) == upto(events)[1:]


async def test_clients_that_come_at_any_moment_over_a_bad_link_see_the_same(
    redis_url: str, namespace: str
) -> None:
    chance = random.Random(7)
    async with running_gateway(
        gateway_settings(redis_url, namespace, follow_check_s=0.05)
    ) as gateway:
        events = await rest_of(gateway, "rerouted")

        async def follow(delay_s: float) -> list[int]:
            await asyncio.sleep(delay_s)
            async with gateway.follow(events[0].order_id) as socket:
                return versions((await drain(socket))[0])

        clients = [asyncio.create_task(follow(chance.uniform(0, 0.3))) for _ in range(40)]
        for event in events:
            await asyncio.sleep(0.03)
            await gateway.happen(event, publish=chance.random() < 0.6)
        seen = await asyncio.gather(*clients)

    assert seen == [upto(events)] * 40


async def test_clients_of_one_order_do_not_depend_on_each_other(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with gateway.follow(events[0].order_id) as stays:
        async with gateway.follow(events[0].order_id) as leaves:
            await up_to_date(leaves)
        await up_to_date(stays)
        await gateway.happen(*events)
        messages, _ = await drain(stays)

    assert versions(messages) == upto(events)[1:]


async def test_a_client_that_leaves_and_returns_at_once_disturbs_nobody(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    for _ in range(20):
        async with gateway.follow(events[0].order_id) as socket:
            await socket.recv()
    async with gateway.follow(events[0].order_id) as socket:
        await up_to_date(socket)
        await gateway.happen(*events)
        messages, _ = await drain(socket)

    assert versions(messages) == upto(events)[1:]


async def test_a_client_that_does_not_read_is_closed_and_can_resume(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_before = _slow_clients()
    async with AsyncExitStack() as stack:
        patient = await stack.enter_async_context(
            running_gateway(gateway_settings(redis_url, namespace))
        )
        monkeypatch.setattr(websockets, "WRITE_S", 0.5)
        monkeypatch.setattr(socket_io, "CLOSE_S", 60)  # It reads first what was sent before.
        settings = gateway_settings(redis_url, namespace, socket_queue=3, follow_check_s=600)
        gateway = await stack.enter_async_context(running_gateway(settings))
        events = await rest_of(gateway, "sent")
        last = events[-1]
        for i in range(30):  # More than the kernel is willing to hold for anybody.
            version = last.version + 1 + i
            detail = f"{i}" + "." * 1_000_000
            events.append(_unresolved(last.order_id, version, detail))
        reads = asyncio.create_task(_read_all(patient, last.order_id, len(events) + 1))
        async with gateway.follow(last.order_id, max_queue=1) as deaf:
            await up_to_date(deaf)
            for event in events:
                await gateway.happen(event)
            await eventually(lambda: _slow_clients() > slow_before)
            messages, code = await drain(deaf)
        after = versions(messages)
        resumed = await _read_all(patient, last.order_id, len(events) + 1, since=after[-1])

    assert code == 1013
    assert after == list(range(2, len(after) + 2))
    assert after + resumed == upto(events)[1:]
    assert await reads == upto(events)


def _unresolved(order_id: str, version: int, detail: str) -> OrderEvent:
    return OrderUnresolved(
        order_id=order_id, version=version, at=NOON, venue="v", signature="s", detail=detail
    )


async def _read_all(gateway: Gateway, order_id: str, last: int, since: int = 0) -> list[int]:
    seen: list[int] = []
    async with gateway.follow(order_id, since, max_size=None) as socket:
        while not seen or seen[-1] < last:
            seen += versions([str(await socket.recv())])
    return seen


def _slow_clients() -> float:
    return REGISTRY.get_sample_value("slipstream_slow_clients_total") or 0


@pytest.mark.parametrize(
    ("order_id", "since", "close_code", "code"),
    [
        ("42", "0", 4400, "INVALID_ORDER_ID"),
        (NOBODYS, "-1", 4400, "INVALID_SINCE"),
        (NOBODYS, "1.5", 4400, "INVALID_SINCE"),
        (NOBODYS, "9" * 5_000, 4400, "INVALID_SINCE"),
        (NOBODYS, "٣", 4400, "INVALID_SINCE"),
    ],
)
async def test_a_client_that_asks_wrongly_is_told_why(
    gateway: Gateway, order_id: str, since: str, close_code: int, code: str
) -> None:
    async with gateway.follow(order_id, since) as socket:
        [message], closed = await drain(socket)

    assert (ProblemView.model_validate_json(message).code, closed) == (code, close_code)


async def test_a_client_may_ping_and_is_told_what_it_may_not_say(gateway: Gateway) -> None:
    async with gateway.follow(await gateway.submit()) as socket:
        await socket.recv()
        for said in ('{"action":"ping"}', b'{"action":"ping"}', "{", '{"action":"x"}', "[" * 9_999):
            await socket.send(said)
        answers = [json.loads(await socket.recv()) for _ in range(5)]

    assert answers[:2] == [{"type": "pong"}] * 2
    assert [answer["code"] for answer in answers[2:]] == ["INVALID_MESSAGE"] * 3


async def test_a_client_that_sends_too_much_at_once_is_closed(gateway: Gateway) -> None:
    async with gateway.follow(await gateway.submit()) as socket:
        await socket.send("x" * 65_537)
        _, code = await drain(socket)

    assert code == 1009


async def test_one_client_too_many_is_refused_before_it_is_let_in(
    redis_url: str, namespace: str
) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace, max_sockets=1)) as gateway:
        order_id = await gateway.submit()
        async with gateway.follow(order_id) as socket:
            await socket.recv()
            with pytest.raises(InvalidStatus) as refused:
                await gateway.follow(order_id).__aenter__()
        answer = refused.value.response

        async def let_in() -> bool:
            try:
                async with gateway.follow(order_id) as again:
                    return bool(await again.recv())
            except InvalidStatus:
                return False

        later: bool = await eventually(let_in)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert ProblemView.model_validate_json(answer.body or b"").code == "TOO_MANY_SOCKETS"
    assert later


async def test_a_gateway_that_stops_sends_its_clients_elsewhere_in_waves(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LEAST_WAVE", 4)
    # A second between two waves: time enough to ask whether it is ready.
    async with running_gateway(gateway_settings(redis_url, namespace, drain_s=40)) as gateway:
        order_id = await gateway.submit()
        clients = [await gateway.follow(order_id).__aenter__() for _ in range(12)]
        for client in clients:
            await client.recv()
        gateway.stop.set()
        closings = asyncio.gather(*(drain(client) for client in clients))
        leaving = await gateway.http.get("/health/ready")
        ends = await closings

    assert (leaving.status_code, leaving.json()["status"]) == (503, "leaving")
    assert ends == [([], 1012)] * 12


async def test_without_redis_a_client_is_told_to_try_again(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_updates, "_CONFIRM_S", 0.5)
    async with (
        proxied(redis_url) as proxy,
        running_gateway(gateway_settings(proxy.url, namespace)) as gateway,
    ):
        order_id = await gateway.submit()
        await proxy.refuse()
        async with gateway.follow(order_id) as socket:
            [message], code = await drain(socket)

    assert (ProblemView.model_validate_json(message).code, code) == ("HISTORY_UNAVAILABLE", 1013)


@pytest_asyncio.fixture
async def archived(redis_url: str, namespace: str, database_url: str) -> AsyncIterator[Gateway]:
    """Return a gateway with a Postgres of its own."""
    await migrate(database_url)
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


async def _archive_only(database_url: str) -> str:
    """Return an ended order that Redis has forgotten."""
    events = history()
    archive = await Archive.open(database_url)
    await archive.store([Recorded(event, encode(event)) for event in events])
    await archive.close()
    return events[0].order_id


async def test_an_order_that_left_redis_is_answered_from_the_archive(
    archived: Gateway, database_url: str
) -> None:
    order_id = await _archive_only(database_url)
    order = await archived.http.get(f"/api/orders/{order_id}")
    events = await archived.http.get(f"/api/orders/{order_id}/events")
    async with archived.follow(order_id, since=4) as socket:
        messages, code = await drain(socket)

    assert OrderView.model_validate_json(order.content).status == "confirmed"
    assert [EventView.model_validate(e).version for e in events.json()] == [1, 2, 3, 4, 5, 6]
    assert (versions(messages), code) == ([5, 6], 1000)


async def test_signed_bytes_are_shown_nowhere(archived: Gateway, database_url: str) -> None:
    order_id = await _archive_only(database_url)
    order = await archived.http.get(f"/api/orders/{order_id}")
    events = await archived.http.get(f"/api/orders/{order_id}/events")
    async with archived.follow(order_id) as socket:
        messages, _ = await drain(socket)

    assert "TransactionSigned" in events.text
    assert not [text for text in (order.text, events.text, *messages) if "payload" in text]


async def test_an_unknown_order_is_not_found(archived: Gateway) -> None:
    order_id = NOBODYS
    answer = await archived.http.get(f"/api/orders/{order_id}")
    async with archived.follow(order_id) as socket:
        [message], closed = await drain(socket)

    assert (answer.status_code, answer.json()["code"]) == (404, "ORDER_NOT_FOUND")
    assert (ProblemView.model_validate_json(message).code, closed) == ("ORDER_NOT_FOUND", 4404)


async def test_without_redis_the_archive_answers_for_what_it_holds_and_nothing_else(
    redis_url: str, namespace: str, database_url: str
) -> None:
    await migrate(database_url)
    async with proxied(redis_url) as proxy:
        settings = gateway_settings(proxy.url, namespace, database_url=database_url)
        async with running_gateway(settings) as gateway:
            new, old = await gateway.submit(), await _archive_only(database_url)
            await proxy.refuse()
            answers = [await gateway.http.get(f"/api/orders/{i}") for i in (old, new)]

    assert [answer.status_code for answer in answers] == [200, 503]
    assert answers[1].json()["code"] == "HISTORY_UNAVAILABLE"
    assert answers[1].headers["retry-after"] == "1"


async def test_without_postgres_new_orders_are_taken_shown_and_followed(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    await gateway.happen(*events)
    shown = await gateway.http.get(f"/api/orders/{events[0].order_id}")
    ready = await gateway.http.get("/health/ready")
    async with gateway.follow(events[0].order_id) as socket:
        _, code = await drain(socket)

    assert (shown.json()["status"], code) == ("confirmed", 1000)
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "degraded",
        "redis": "up",
        "postgres": "down",
        "chain": "simulated",
    }
