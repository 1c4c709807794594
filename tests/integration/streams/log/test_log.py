"""The log on a server that has no room, or lost what it had."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from shared.orders.events import OrderEvent, RoutingStarted
from shared.settings import VenueSettings
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Next
from shared.streams.errors import GroupMissing, LogUnavailable, WrongPartitions
from shared.streams.log.log import Log
from tests.support.builders import NOON, an_intent, history, submitted
from tests.support.eventually import eventually
from tests.support.replicas import (
    Scripted,
    a_router,
    an_executor,
    place_history,
    placed,
    running,
    submit,
)
from tests.support.servers import Valkey


async def test_a_full_server_takes_nothing_says_so_and_recovers(settings: VenueSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        log = await Log.open(settings.model_copy(update={"redis_url": valkey.url}))
        order = submitted()
        try:
            await log.client.call("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(LogUnavailable) as refused:
                await submit(log, order)
            assert not refused.value.maybe_applied
            assert await log.versions([order.order_id]) == [0]

            await log.client.call("CONFIG", "SET", "maxmemory", "0")
            [taken] = await submit(log, order)
            assert taken.kind == "accepted"
        finally:
            await log.close()
            valkey.stop()


async def test_a_server_that_refuses_to_write_for_now_fails_no_order(
    settings: VenueSettings,
) -> None:
    tried: list[OrderEvent] = []

    async def do(event: OrderEvent) -> Next:
        tried.append(event)
        return [RoutingStarted(**event.next(NOON), intent=an_intent())]

    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        short = settings.model_copy(update={"redis_url": valkey.url, "lease_ms": 200})
        log = await Log.open(short)
        try:
            order = await placed(log)
            async with running(log, "router", Scripted(do), short):
                # As after the loss of a replica: every write is refused.
                await log.client.call("CONFIG", "SET", "min-replicas-to-write", "1")
                with pytest.raises(LogUnavailable):
                    await submit(log, submitted())
                lapsed = time.monotonic() + 5 * 0.2
                await eventually(lambda: time.monotonic() > lapsed)
                await log.client.call("CONFIG", "SET", "min-replicas-to-write", "0")
                late = await placed(log)

                async def both_routed() -> bool:
                    return await log.versions([order.order_id, late.order_id]) == [2, 2]

                await eventually(both_routed)
        finally:
            await log.close()
            valkey.stop()

    assert len(tried) == 2


async def test_a_stream_that_is_gone_is_told_as_a_missing_group(log: Log) -> None:
    router = Group(log, "router", "me")
    await log.client.call("DEL", log.keys.stream(0, "router"))

    with pytest.raises(GroupMissing):
        await log.trim()
    with pytest.raises(GroupMissing):
        await router.reap(idle_ms=0)
    with pytest.raises(GroupMissing):
        await router.leave()


async def test_another_number_of_partitions_is_refused(settings: VenueSettings, log: Log) -> None:
    other = settings.model_copy(update={"partitions": settings.partitions + 1})

    with pytest.raises(WrongPartitions, match=f"PARTITIONS={settings.partitions}"):
        await Log.open(other)


async def test_what_was_begun_ends_on_a_full_server(settings: VenueSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        full = settings.model_copy(update={"redis_url": valkey.url})
        log = await Log.open(full)
        try:
            orders = [(await placed(log)).order_id for _ in range(20)]
            await log.client.call("CONFIG", "SET", "maxmemory", "1")
            again = await Log.open(full)  # A service that starts now must start.
            await again.close()

            async def all_ended() -> bool:
                return await log.versions(orders) == [6] * len(orders)

            async with (
                running(log, "router", a_router(log, full), full),
                running(log, "executor", an_executor(log, full), full),
            ):
                await eventually(all_ended)
        finally:
            await log.close()
            valkey.stop()


async def test_a_history_expires_only_as_far_as_it_is_archived(log: Log) -> None:
    events = history(ending="failed")
    await place_history(log, events)
    order_id = events[0].order_id
    ttls: list[int] = []
    for archived in (len(events) - 1, len(events), len(events)):
        await log.expire_histories({order_id: archived}, 60 - len(ttls))
        ttls.append(await log.client.call("TTL", log.keys.history(order_id)))

    assert ttls[0] == -1
    assert 58 < ttls[2] <= ttls[1] <= 59  # That it comes again makes it no shorter.
