"""A clock of Redis that went back: waits begin anew, and last no longer for it."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from shared.orders.events import OrderConfirmed, OrderEvent
from shared.settings import VenueSettings
from shared.streams.consumer.group import RETRY, Group
from shared.streams.consumer.handler import Next
from shared.streams.log.log import Log
from shared.streams.recovery.orphans import OrphanCandidate, find_orphans
from tests.support.builders import history, submitted
from tests.support.eventually import eventually
from tests.support.replicas import Scripted, park, place_history, placed, running, submit
from tests.support.servers import Valkey

STEP_MS = 600_000


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"), "--enable-debug-command", "yes")
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def log(valkey: Valkey, settings: VenueSettings) -> AsyncIterator[Log]:
    opened = await Log.open(settings.model_copy(update={"redis_url": valkey.url}))
    yield opened
    await opened.close()


async def deliver_in_the_future(log: Log, order_id: str, holder: str) -> None:
    """Let `holder` have an order's entry since a time that is yet to come.

    No command takes such a time. So the stream is saved, changed there, and put back.
    """
    stream = log.keys.stream(log.keys.partition_of(order_id), "router")
    call = log.client.call
    await call("XREADGROUP", "GROUP", "router", holder, "STREAMS", stream, ">")
    facts = await call("XINFO", "STREAM", stream, "FULL")
    groups = facts[facts.index(b"groups") + 1][0]
    [[_, _, delivered_ms, _]] = groups[groups.index(b"pending") + 1]
    saved = await call("DUMP", stream)
    before, after = struct.pack("<q", delivered_ms), struct.pack("<q", delivered_ms + STEP_MS)
    assert before in saved
    await call("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 1)
    await call("RESTORE", stream, 0, saved.replace(before, after), "REPLACE")


def noting(handled: list[str], due: Sequence[type[OrderEvent]] = ()) -> Scripted:
    async def note(event: OrderEvent) -> Next:
        handled.append(event.order_id)
        return []

    return Scripted(note, handles_when_due=due)


@pytest.mark.parametrize("holder", ["a-replica-that-died", RETRY])
async def test_an_entry_delivered_before_the_clock_went_back_is_late_by_a_lease_at_most(
    log: Log, settings: VenueSettings, holder: str
) -> None:
    order = await placed(log)
    await deliver_in_the_future(log, order.order_id, holder)
    handled: list[str] = []
    async with running(log, "router", noting(handled), settings):
        await eventually(lambda: handled == [order.order_id])


async def test_an_order_parked_before_the_clock_went_back_is_late_by_a_lease_at_most(
    log: Log, settings: VenueSettings
) -> None:
    events = history()
    order_id = events[0].order_id
    await place_history(log, events)
    await park(log, "executor", order_id, STEP_MS)
    ahead = int(time.time() * 1_000) + STEP_MS
    stream = log.keys.stream(log.keys.partition_of(order_id), "executor")
    await log.client.call("XADD", stream, f"{ahead}-0", "type", "Any", "order", "", "event", "")
    handled: list[str] = []
    async with running(log, "executor", noting(handled, [OrderConfirmed]), settings):
        await eventually(lambda: handled == [order_id])


def steps_back() -> float:
    return REGISTRY.get_sample_value("slipstream_redis_clock_steps_back_total") or 0


async def test_a_running_replica_notices_and_tells_that_the_clock_goes_back(
    log: Log, settings: VenueSettings
) -> None:
    events, before = history(), steps_back()
    order_id = events[0].order_id
    await place_history(log, events)
    handled: list[str] = []
    async with running(log, "executor", noting(handled, [OrderConfirmed]), settings) as group:
        await eventually(lambda: bool(group._ahead_ms))
        await park(log, "executor", order_id, STEP_MS)
        # A server that goes back is one that was further ahead before.
        group._ahead_ms = [ahead_ms + STEP_MS for ahead_ms in group._ahead_ms]
        await eventually(lambda: handled == [order_id])

    assert steps_back() > before


async def test_a_reply_that_comes_late_is_no_clock_that_goes_back(log: Log) -> None:
    group, loop = Group(log, "router", "me"), asyncio.get_running_loop()

    async def back_ms() -> float:
        asked = {"most": 1, "lease_ms": 1_000, "backoff_base_ms": 1, "backoff_cap_ms": 1}
        return (await group.claim(**asked)).back_ms

    await back_ms()
    with pytest.MonkeyPatch.context() as patch:
        times = iter([loop.time()])
        true_time = loop.time
        # When it is asked the clock is right; when the answer comes, it is much later.
        patch.setattr(loop, "time", lambda: next(times, true_time() + 600))
        late = await back_ms()

    assert late < 1_000


async def test_an_order_that_nobody_holds_is_found_though_it_was_noted_in_the_future(
    log: Log,
) -> None:
    order = await placed(log)
    candidate = OrphanCandidate(order_id=order.order_id, version=1, group="router")
    for name in ("router", "projector"):
        reader = Group(log, name, "reader")
        await reader.acknowledge(await reader.read(range(log.keys.partitions), 100, 10))
    suspects = log.keys.suspects(log.keys.partition_of(order.order_id))
    ahead = int(time.time() * 1_000) + STEP_MS
    await log.client.call("ZADD", suspects, ahead, f"{order.order_id} 1")

    async def found() -> bool:
        return bool(await find_orphans(log, [candidate], rest_ms=50))

    await eventually(found)


async def test_an_order_that_is_held_by_an_entry_of_the_future_is_not_taken_for_nobodys(
    log: Log,
) -> None:
    order = submitted()
    partition = log.keys.partition_of(order.order_id)
    stream = log.keys.stream(partition, "router")
    ahead = int(time.time() * 1_000) + STEP_MS
    # What comes after that has an id of the future too.
    await log.client.call("XADD", stream, f"{ahead}-0", "type", "Any", "order", "", "event", "")
    await submit(log, order)
    for name in ("router", "projector"):
        reader = Group(log, name, "reader")
        entries = await reader.read([partition], 100, 10)
        await reader.acknowledge([e for e in entries if name != "router" or not e.order_id])
    candidate = OrphanCandidate(order_id=order.order_id, version=1, group="router")
    await find_orphans(log, [candidate], rest_ms=0)

    assert await find_orphans(log, [candidate], rest_ms=0) == []
