"""A stream that goes on where it was cut, on whichever gateway; what is lost is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from services.gateway.streaming import resuming
from shared.orders.events import OrderEvent
from shared.streams.log.epoch import begin_epoch
from tests.support.accounts import account, versions
from tests.support.gateway import Gateway, gateway_settings, running_gateway
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
        [(first, fields)] = await gateway.log.client.call("XRANGE", name, "-", "+", "COUNT", 1)
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
