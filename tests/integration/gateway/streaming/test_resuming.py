"""A stream that goes on where it was cut, on whichever gateway; what is lost is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from services.gateway.access.api_keys import line_for, new_key
from services.gateway.following import outbox, socket_io
from services.gateway.streaming import resuming
from services.gateway.streaming.cursor import Cursor
from shared.archive.fold import Recorded
from shared.archive.migrate import migrate
from shared.orders.codec import encode
from shared.orders.events import OrderEvent, OrderUnresolved
from shared.streams.log.epoch import EPOCH_BYTES, begin_epoch
from tests.support.accounts import account, versions
from tests.support.builders import an_order_id, history
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.replicas import place_history
from tests.support.talk import rest_of, upto


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(gateway_settings(redis_url, namespace)) as running:
        yield running


@pytest_asyncio.fixture
async def other(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    """Return another gateway of the same system."""
    async with running_gateway(gateway_settings(redis_url, namespace)) as running:
        yield running


async def lived(gateway: Gateway, number: int) -> list[list[OrderEvent]]:
    """Let orders be placed and end, event by event, all at the same time."""
    orders = [await rest_of(gateway) for _ in range(number)]
    for happening in zip(*orders, strict=True):
        for event in happening:
            await gateway.happen(event, publish=False)
    return orders


def every(orders: Sequence[Sequence[OrderEvent]]) -> dict[str, list[int]]:
    return {events[0].order_id: upto(events) for events in orders}


async def test_from_every_cut_a_stream_goes_on_without_a_hole(
    gateway: Gateway, other: Gateway
) -> None:
    async with account(gateway.address) as stream:
        orders = [await rest_of(gateway) for _ in range(3)]
        for happening in zip(*orders, strict=True):
            for event in happening:
                await gateway.happen(event, publish=False)
                await stream.hear()  # So that there are many cuts.
        every_event = sum(len(events) + 1 for events in orders)
        await stream.until(lambda s: len(s.events) == every_event)
    told: list[dict[str, object]] = []
    for message in stream.messages:
        told += message.get("events", ())
        async with account(other.address, cursor=message["cursor"]) as resumed:
            left = every_event - len(told)
            while len(resumed.events) < left:
                await resumed.hear()

        assert not resumed.losses
        assert versions([*told, *resumed.events]) == every(orders)


async def test_what_happens_while_the_past_is_read_follows_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "_MOST", 1)  # So many laps.
    monkeypatch.setattr(resuming, "_NOTED", 2)
    async with account(gateway.address) as stream:
        cursor = stream.cursor
    past = await lived(gateway, 5)
    async with account(gateway.address, cursor=cursor, deaf=True) as resumed:
        present = await lived(gateway, 5)
        await resumed.until(lambda s: len(s.events) == 10 * len(upto(past[0])))

    assert versions(resumed.events) == every([*past, *present])


async def test_a_follower_that_hops_between_gateways_misses_nothing(
    gateway: Gateway, other: Gateway
) -> None:
    async with account(gateway.address) as stream:
        cursor = stream.cursor
    living = asyncio.create_task(lived(gateway, 15))
    told: list[dict[str, object]] = []
    hops = 0
    while not living.done() or len(told) < 15 * len(upto(living.result()[0])):
        hops += 1
        async with account((gateway, other)[hops % 2].address, cursor=cursor) as stream:
            await stream.until(lambda s: s.events)
            told += stream.events
            cursor = stream.cursor

    assert hops > 1
    assert versions(told) == every(await living)


async def test_rows_of_what_changed_meanwhile_come_to_who_resumes(gateway: Gateway) -> None:
    async with account(gateway.address, coalesce=100) as stream:
        cursor = stream.cursor
    orders = await lived(gateway, 3)
    async with account(gateway.address, coalesce=100, cursor=cursor) as stream:
        await stream.until(lambda s: len(s.rows) == 3)

    assert {i: row["version"] for i, row in stream.rows.items()} == {
        events[0].order_id: events[-1].version for events in orders
    }


async def test_a_stream_of_server_sent_events_resumes_by_its_last_id(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        cursor = stream.cursor
    order_id = await gateway.submit()
    headers = {"Last-Event-ID": cursor}
    async with gateway.http.stream("GET", "/api/stream", headers=headers) as response:
        async for line in response.aiter_lines():
            if order_id in line:
                break


async def trim_away(gateway: Gateway) -> None:
    """Drop all entries but the last of each partition."""
    keys = gateway.log.keys
    await gateway.log.client.run(
        [("XTRIM", keys.log(p), "MAXLEN", 1) for p in range(keys.partitions)]
    )


async def flush(gateway: Gateway) -> None:
    """Lose everything, as an empty server has."""
    keys = gateway.log.keys
    names = [keys.log(p) for p in range(keys.partitions)]
    await gateway.log.client.run([("DEL", name) for name in [*names, keys.epoch]])
    await gateway.log.prepare()


async def lose_the_tail(gateway: Gateway) -> None:
    """Lose the newest entries, as a server with an older copy has."""
    keys = gateway.log.keys
    for partition in range(keys.partitions):
        name = keys.log(partition)
        for first, fields in await gateway.log.client.call("XRANGE", name, "-", "+", "COUNT", 1):
            await gateway.log.client.run([("DEL", name), ("XADD", name, first, *fields)])
    await gateway.log.prepare()


@pytest.mark.parametrize("lose", [trim_away, flush, lose_the_tail])
async def test_a_cursor_that_the_log_does_not_reach_back_to_is_told_lost(
    gateway: Gateway, lose: object
) -> None:
    before = datetime.now(UTC)
    async with account(gateway.address) as stream:
        await lived(gateway, 12)
        await stream.until(lambda s: len(s.events) >= 36)
        cursor = stream.cursor
        await stream.until(lambda s: len(s.events) == 72)
    await lived(gateway, 12)
    await lose(gateway)  # type: ignore[operator]
    async with account(gateway.address, cursor=cursor) as resumed:
        await resumed.until(lambda s: s.losses)
        order_id = await gateway.submit()
        await resumed.until(lambda s: order_id in versions(s.events))

    lost = resumed.losses[0]
    assert lost.keys() == {"lost", "epoch", "cursor"}
    assert datetime.fromisoformat(lost["lost"]["since"]) < before


@pytest.mark.parametrize("lose", [flush, lose_the_tail])
async def test_a_loss_is_told_to_who_is_there_and_the_stream_goes_on(
    gateway: Gateway, lose: object
) -> None:
    async with account(gateway.address) as stream:
        await lived(gateway, 12)
        await stream.until(lambda s: len(s.events) == 72)
        await lose(gateway)  # type: ignore[operator]
        await stream.until(lambda s: s.losses)
        order_id = await gateway.submit()
        await stream.until(lambda s: order_id in versions(s.events))

    assert len(stream.losses) == 1


async def test_no_cursor_of_an_epoch_is_good_in_the_next(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        cursor, epoch = stream.cursor, stream.messages[0]["epoch"]
    await begin_epoch(gateway.log)
    async with account(gateway.address, cursor=cursor) as resumed:
        await resumed.until(lambda s: s.losses)

    assert resumed.losses[0]["epoch"] != epoch


@pytest.mark.parametrize("ahead_ms", [3_600_000, 2**60])
async def test_a_loss_begins_in_the_past_whatever_time_a_cursor_tells(
    gateway: Gateway, ahead_ms: int
) -> None:
    async with account(gateway.address) as stream:
        place = Cursor.decode(stream.cursor, gateway.log.keys.partitions)
    others = place._replace(epoch="00" * EPOCH_BYTES, at_ms=place.at_ms + ahead_ms).encode()
    async with account(gateway.address, cursor=others) as resumed:
        await resumed.until(lambda s: s.losses)

    assert datetime.fromisoformat(resumed.losses[0]["lost"]["since"]) < datetime.now(UTC)


async def test_who_is_not_behind_loses_nothing_when_old_entries_go(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        await lived(gateway, 4)
        await stream.until(lambda s: len(s.events) == 24)
        cursor = stream.cursor
    await trim_away(gateway)
    async with account(gateway.address, cursor=cursor) as resumed:
        order_id = await gateway.submit()
        await resumed.until(lambda s: order_id in versions(s.events))

    assert not resumed.losses


async def test_a_client_that_does_not_read_is_closed_and_resumes(
    gateway: Gateway, other: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = slow_clients()
    monkeypatch.setattr(outbox, "MOST_BYTES", 100_000)
    monkeypatch.setattr(socket_io, "CLOSE_S", 60)  # It reads first what was sent before.
    events = (await rest_of(gateway, "sent"))[:]
    async with account(gateway.address, max_queue=1) as deaf:
        for i in range(30):  # More than the kernel is willing to hold for anybody.
            events.append(unresolved(events[-1], f"{i}" + "." * 500_000))
        for event in events:
            await gateway.happen(event, publish=False)
        await eventually(lambda: slow_clients() > before)
        code = await deaf.end()
    async with account(other.address, cursor=deaf.cursor) as resumed:
        await resumed.until(lambda s: s.events[-1:] and s.events[-1]["version"] == len(events) + 1)
    told = versions([*deaf.events, *resumed.events])

    assert code == 1013
    assert told == {events[0].order_id: upto(events)[1:]}


def slow_clients() -> float:
    return REGISTRY.get_sample_value("slipstream_slow_clients_total") or 0


def unresolved(last: OrderEvent, detail: str) -> OrderEvent:
    return OrderUnresolved(**last.next(last.at), venue="v", signature="s", detail=detail)


async def test_a_client_that_reads_slowly_still_gets_a_long_past(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_BYTES", 1_000)  # Nobody's news; the past is asked for.
    async with account(gateway.address) as stream:
        cursor = stream.cursor
    orders = await lived(gateway, 20)
    async with account(gateway.address, cursor=cursor, max_queue=1) as resumed:
        while len(resumed.events) < 120:
            await resumed.hear()

    assert versions(resumed.events) == every(orders)


async def test_an_event_that_cannot_be_shown_is_told_as_lost(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        stream_of = gateway.log.keys.log(0)
        entry = ("type", "OrderPainted", "order", an_order_id(), "event", '{"version":1}')
        await gateway.log.client.call("XADD", stream_of, "*", *entry)
        await stream.until(lambda s: s.losses)
        order_id = await gateway.submit()
        await stream.until(lambda s: s.events)

    assert [loss["lost"]["why"] for loss in stream.losses] == [
        "an event on the log cannot be shown"
    ]
    assert versions(stream.events) == {order_id: [1]}


async def test_an_entry_that_was_put_on_the_log_again_is_not_told_again(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        first = await gateway.submit()
        await stream.until(lambda s: s.events)
        again = ("type", "OrderSubmitted", "order", first)
        raw = (await gateway.log.history([first]))[0][0]
        log = gateway.log.keys.log(gateway.log.keys.partition_of(first))
        await gateway.log.client.call("XADD", log, "*", "only", "router", *again, "event", raw)
        second = await gateway.submit()
        await stream.until(lambda s: second in versions(s.events))

    assert versions(stream.events) == {first: [1], second: [1]}


async def test_an_order_that_left_redis_is_known_from_the_archive(
    redis_url: str, namespace: str, database_url: str, tmp_path: Path
) -> None:
    await migrate(database_url)
    key, file = new_key(), tmp_path / "keys"
    file.write_text(line_for(key, "public", "trade", "one") + "\n")
    settings = gateway_settings(
        redis_url, namespace, database_url=database_url, api_keys_file=str(file)
    )
    events = history()
    async with running_gateway(settings) as gateway:
        await place_history(gateway.log, events[:1])
        async with account(gateway.address, key=key) as stream:
            cursor = stream.cursor
        await gateway.happen(*events[1:], publish=False)
        await gateway.parts.archive.store([Recorded(event, encode(event)) for event in events])
        await gateway.log.client.call("DEL", gateway.log.keys.history(events[0].order_id))
        gateway.parts.feed._reader._owners._accounts.clear()
        async with account(gateway.address, key=key, cursor=cursor) as resumed:
            await resumed.until(lambda s: s.events)
        async with account(gateway.address, key=key, cursor=cursor, coalesce=100) as states:
            await states.until(lambda s: s.rows)

    assert versions(resumed.events) == {events[0].order_id: upto(events)[1:]}
    assert states.rows[events[0].order_id]["status"] == "confirmed"


async def test_what_cannot_be_looked_up_now_is_asked_for_later(
    redis_url: str, namespace: str
) -> None:
    events = history()
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        await place_history(gateway.log, events[:1])
        async with account(gateway.address) as stream:
            cursor = stream.cursor
        await gateway.happen(*events[1:], publish=False)
        await gateway.log.client.call("DEL", gateway.log.keys.history(events[0].order_id))
        await eventually(lambda: gateway.parts.feed.at is None)
        async with account(gateway.address, cursor=cursor, coalesce=100) as resumed:
            code = await resumed.end()  # There is no Postgres.

    assert code == 1013


async def test_rows_are_those_of_the_log_as_it_is_after_a_loss(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    history_of = gateway.log.keys.history(events[0].order_id)
    async with account(gateway.address, coalesce=100) as stream:
        await gateway.happen(*events[:3], publish=False)
        await stream.until(lambda s: s.rows)
        await gateway.log.client.call("LTRIM", history_of, 0, 1)
        await flush(gateway)
        await stream.until(lambda s: s.losses)
        await gateway.happen(*events[1:2], publish=False)
        await stream.until(lambda s: s.rows[events[0].order_id]["version"] == 3)

    assert stream.rows[events[0].order_id]["status"] == "building"
