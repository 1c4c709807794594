"""Orders that nobody holds any more: whatever was broken by hand, each ends right, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from services.executor.__main__ import main
from services.executor.reconciler import Reconciler
from services.projector.handler import Projector
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.clock import utc_now
from shared.orders.codec import encode
from shared.orders.dispatch import GROUPS
from shared.orders.events import OrderUnresolved
from shared.settings import ExecutorSettings, VenueSettings
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Park
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from shared.streams.recovery.orphans import (
    Orphan,
    OrphanCandidate,
    find_orphans,
    redeliver,
    restore,
)
from tests.support.archive import recorded
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.outcomes import all_ended, settled, swapped_once, swaps
from tests.support.replicas import (
    a_router,
    an_executor,
    events_of,
    park,
    place_history,
    placed,
    running,
    types_of,
    working,
)
from tests.support.servers import NOBODY

REST_MS = 300
STEPS = ("router", "executor")
HAPPY = [
    "OrderSubmitted",
    "RoutingStarted",
    "OrderRouted",
    "TransactionSigned",
    "TransactionSent",
    "OrderConfirmed",
]


def a_reconciler(
    log: Log, archive: Archive, *, at_once: int = 100, unsigned_too: bool = False
) -> Reconciler:
    return Reconciler(
        log=log,
        archive=archive,
        at_once=at_once,
        rest_ms=REST_MS,
        unsigned_too=unsigned_too,
        now=utc_now,
    )


@asynccontextmanager
async def projecting(log: Log, archive: Archive, settings: VenueSettings) -> AsyncIterator[None]:
    group = Group(log, "projector", f"projector-{uuid4().hex[:8]}")
    projector = Projector(log, archive, history_ttl_s=60)
    worker = Batches(group, projector.handle, settings, hold=True)
    async with working(group, worker, settings):
        yield


@asynccontextmanager
async def mending(
    log: Log, archive: Archive, settings: VenueSettings, *, unsigned_too: bool = False
) -> AsyncIterator[None]:
    """Run every service that moves an order, and two reconcilers that look all the time."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        for name, handler in (
            ("router", a_router(log, settings)),
            ("executor", an_executor(log, settings)),
        ):
            await stack.enter_async_context(running(log, name, handler, settings, archive.ended))
        await stack.enter_async_context(projecting(log, archive, settings))
        reconcilers = [a_reconciler(log, archive, unsigned_too=unsigned_too) for _ in range(2)]
        looking = [asyncio.create_task(one.keep_looking(0.05, stop)) for one in reconcilers]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*looking)


async def advanced(log: Log, settings: VenueSettings, to: int) -> str:
    """Take a new order to version `to` with nobody having read any of its entries."""
    router, executor = a_router(log, settings), an_executor(log, settings)
    order = await placed(log)
    while (event := (await events_of(log, order.order_id))[-1]).version < to:
        handler = router if isinstance(event, router.handles) else executor
        following = await handler.handle(event)
        assert not isinstance(following, Park)
        step = Append(order_id=order.order_id, expected=event.version, events=following)
        await log.append("", [step])
    return order.order_id


async def archived(
    log: Log, archive: Archive, settings: VenueSettings, order_ids: Sequence[str]
) -> None:
    """Let the archive take in all that is known of some orders."""
    async with projecting(log, archive, settings):
        await eventually(lambda: is_archived(log, archive, order_ids))


async def is_archived(log: Log, archive: Archive, order_ids: Sequence[str]) -> bool:
    kept = await log.history(order_ids)
    return [await archive.history(order_id) for order_id in order_ids] == kept


async def swapped(
    log: Log, archive: Archive, settings: VenueSettings, order_ids: Sequence[str]
) -> None:
    """Wait for the orders' end and assert that it is the right one, in the archive too."""
    await swapped_once(log, settings, order_ids, [*STEPS, "projector"])
    await eventually(lambda: is_archived(log, archive, order_ids))
    await eventually(lambda: may_go(log, order_ids))


async def may_go(log: Log, order_ids: Sequence[str]) -> bool:
    return min([await ttl_s(log, order_id) for order_id in order_ids]) > 0


async def ttl_s(log: Log, order_id: str) -> int:
    found: int = await log.client.call("TTL", log.keys.history(order_id))
    return found


async def entry_ids(log: Log, stream: str, order_id: str) -> list[bytes]:
    """Return the ids of an order's entries on a stream. Other streams have the same ids."""
    page = await log.client.call("XRANGE", stream, "-", "+")
    return [entry_id for entry_id, fields in page if order_id.encode() in fields]


async def entries(log: Log, order_id: str) -> list[tuple[bytes, list[bytes]]]:
    return [
        (entry_id, fields)
        for stream in streams(log, order_id)
        for entry_id, fields in await log.client.call("XRANGE", stream, "-", "+")
        if order_id.encode() in fields
    ]


def streams(log: Log, order_id: str) -> list[str]:
    partition = log.keys.partition_of(order_id)
    return sorted({log.keys.stream(partition, group) for group in GROUPS})


def reconciled() -> float:
    return sum(
        sample.value
        for family in REGISTRY.collect()
        if family.name == "slipstream_reconciled"
        for sample in family.samples
        if sample.name.endswith("_total")
    )


async def lose_with_its_holder(log: Log, order_id: str) -> None:
    for name in STEPS:
        stream = log.keys.stream(log.keys.partition_of(order_id), name)
        dead = Group(log, name, "dead")
        await dead.read(list(dead.partitions), 100, 10)
        await log.client.call("XGROUP", "DELCONSUMER", stream, name, "dead")


async def acknowledge_by_hand(log: Log, order_id: str) -> None:
    for name in STEPS:
        clumsy = Group(log, name, "clumsy")
        given = await clumsy.read(list(clumsy.partitions), 100, 10)
        await clumsy.acknowledge(one for one in given if one.order_id == order_id)


async def cut_the_stream(log: Log, order_id: str) -> None:
    for stream in streams(log, order_id):
        await log.client.call("XTRIM", stream, "MAXLEN", 0)


async def delete_the_stream(log: Log, order_id: str) -> None:
    for stream in streams(log, order_id):
        await log.client.call("DEL", stream)


Damage = Callable[[Log, str], Awaitable[None]]


@pytest.mark.parametrize(
    "damage", [lose_with_its_holder, acknowledge_by_hand, cut_the_stream, delete_the_stream]
)
async def test_an_order_whose_entry_is_gone_is_finished(
    log: Log, archive: Archive, settings: VenueSettings, damage: Damage
) -> None:
    order_ids = [await advanced(log, settings, to) for to in range(1, 6)]
    for order_id in order_ids:
        await damage(log, order_id)

    async with mending(log, archive, settings):
        await swapped(log, archive, settings, order_ids)


async def test_an_order_taken_off_the_parking_by_hand_is_finished(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    order_id = await advanced(log, settings, 4)
    [*_, signed] = await events_of(log, order_id)
    unresolved = OrderUnresolved(
        **signed.next(utc_now()), venue="raydium", signature="", detail="no answer"
    )
    await log.append("", [Append(order_id=order_id, expected=4, events=[unresolved])])
    await acknowledge_by_hand(log, order_id)
    due = log.keys.due(log.keys.partition_of(order_id), "executor")
    assert await log.client.call("ZCARD", due) == 0

    async with mending(log, archive, settings):
        await eventually(lambda: all_ended(log, [order_id]))

    assert [*HAPPY[:4], "OrderUnresolved", "OrderConfirmed"] == await types_of(log, order_id)
    assert await swaps(log, settings) == [order_id]


async def test_a_history_that_redis_lost_comes_back_from_the_archive(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    """As after a failover to a replica that had missed writes: signed once, all the same."""
    lengths = [(version, left) for version in (4, 5) for left in (0, 1, 3)]
    order_ids = [await advanced(log, settings, version) for version, _ in lengths]
    await archived(log, archive, settings, order_ids)
    for order_id, (version, left) in zip(order_ids, lengths, strict=True):
        await cut_the_stream(log, order_id)
        await log.client.call("RPOP", log.keys.history(order_id), version - left)

    async with mending(log, archive, settings):
        await swapped(log, archive, settings, order_ids)


@pytest.mark.parametrize("left", [0, 1, 2])
async def test_what_may_have_been_signed_in_what_redis_lost_is_left_to_people(
    log: Log, archive: Archive, settings: VenueSettings, left: int
) -> None:
    """Else it might be swapped twice."""
    order_id = await advanced(log, settings, 3)
    await archived(log, archive, settings, [order_id])
    await cut_the_stream(log, order_id)
    await log.client.call("RPOP", log.keys.history(order_id), 3 - left)
    before = irreconcilable()

    async with mending(log, archive, settings):
        await eventually(lambda: irreconcilable() > before)
    assert await log.versions([order_id]) == [left]

    async with mending(log, archive, settings, unsigned_too=True):
        await swapped(log, archive, settings, [order_id])


async def test_an_entry_without_its_history_waits_for_it_and_goes_on(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    """However often it was delivered meanwhile: none of that was an attempt."""
    order_ids = [await advanced(log, settings, to) for to in range(1, 6)]
    await archived(log, archive, settings, order_ids)
    await log.client.run([("DEL", log.keys.history(order_id)) for order_id in order_ids])

    async with mending(log, archive, settings):
        await swapped(log, archive, settings, order_ids)


async def test_the_archive_gets_what_its_projector_lost(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    events = history(ending="confirmed")
    order_id = events[0].order_id
    await place_history(log, events[:2])
    await archived(log, archive, settings, [order_id])
    await log.append("", [Append(order_id=order_id, expected=2, events=events[2:])])
    clumsy = Group(log, "projector", "clumsy")
    await clumsy.acknowledge(await clumsy.read(list(clumsy.partitions), 100, 10))

    async with mending(log, archive, settings):
        await eventually(lambda: may_go(log, [order_id]))

    assert await archive.history(order_id) == [encode(event) for event in events]
    assert await types_of(log, order_id) == [type(event).__name__ for event in events]


async def test_an_archived_order_that_does_not_expire_is_let_go(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    events = history(ending="confirmed")
    order_id = events[0].order_id
    await place_history(log, events)
    await archived(log, archive, settings, [order_id])
    await log.client.call("PERSIST", log.keys.history(order_id))

    async with mending(log, archive, settings):
        assert await eventually(lambda: may_go(log, [order_id]))


async def test_an_order_that_differs_from_its_archive_is_left_alone(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    ours = history(ending="rerouted")
    order_id = ours[0].order_id
    theirs = history(order_id, ending="failed")
    await archive.store(recorded(theirs))
    await place_history(log, ours)
    for name in GROUPS:
        clumsy = Group(log, name, "clumsy")
        await clumsy.acknowledge(await clumsy.read(list(clumsy.partitions), 100, 10))
    reconciler, before = a_reconciler(log, archive), irreconcilable()

    async def alarmed() -> bool:
        await reconciler.look()
        return irreconcilable() > before

    await eventually(alarmed)

    assert await events_of(log, order_id) == ours
    assert await archive.history(order_id) == [encode(event) for event in theirs]


async def test_a_halted_order_is_left_to_people_without_another_alarm(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    order_id = await advanced(log, settings, 3)
    await archived(log, archive, settings, [order_id])
    [first, *_] = await events_of(log, order_id)
    other = replace(first, at=first.at + timedelta(seconds=1))
    await archive.store(recorded([other]))
    await lose_with_its_holder(log, order_id)
    candidate = OrphanCandidate(order_id=order_id, version=3, group="executor")
    await rested(log, candidate)
    reconciler, before = a_reconciler(log, archive), irreconcilable()
    entries_before = await entries(log, order_id)
    for _ in range(3):
        await reconciler.look()

    assert await entries(log, order_id) == entries_before
    assert irreconcilable() == before

    await archive.settle(order_id)

    async def is_put_back() -> bool:
        await reconciler.look()
        return await entries(log, order_id) > entries_before

    await eventually(is_put_back)


def irreconcilable() -> float:
    return REGISTRY.get_sample_value("slipstream_irreconcilable_total") or 0.0


async def test_nothing_is_put_back_while_the_archive_cannot_be_asked(
    log: Log, settings: VenueSettings
) -> None:
    """It may know of a transaction that Redis lost."""
    order_id = await advanced(log, settings, 3)
    await lose_with_its_holder(log, order_id)
    await rested(log, OrphanCandidate(order_id=order_id, version=3, group="executor"))
    nowhere = await Archive.open(NOBODY)
    before = await entries(log, order_id)

    with pytest.raises(ArchiveUnavailable):
        await a_reconciler(log, nowhere).look()

    assert await entries(log, order_id) == before
    await nowhere.close()


async def test_an_executor_looks_by_itself(
    log: Log, archive: Archive, settings: VenueSettings, database_url: str
) -> None:
    order_id = await advanced(log, settings, 4)
    await lose_with_its_holder(log, order_id)
    quick = ExecutorSettings.model_validate(
        settings.model_dump()
        | {"database_url": database_url, "metrics_port": 0}
        | {"lease_ms": 100, "reconcile_every_s": 0.1}
    )
    stop = asyncio.Event()
    executing = asyncio.create_task(main(quick, stop))
    try:
        async with (
            running(log, "router", a_router(log, settings), settings),
            projecting(log, archive, settings),
        ):
            await swapped(log, archive, settings, [order_id])
    finally:
        stop.set()
        await executing


async def test_healthy_orders_under_load_are_not_touched(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    """Though all rest for longer than the time after which one that nobody holds is put back."""
    slow = settings.model_copy(
        update={"venue_quote_ms": 2 * REST_MS, "venue_swap_ms_min": 900, "venue_swap_ms_max": 1_200}
    )
    before, order_ids = reconciled(), []
    async with mending(log, archive, slow):
        for _ in range(200):
            order_ids.append((await placed(log)).order_id)
            await asyncio.sleep(0)
        await eventually(lambda: all_ended(log, order_ids))
        await eventually(lambda: settled(log, *STEPS, "projector"))

    assert reconciled() == before
    assert await swaps(log, slow) == sorted(order_ids)


async def test_what_is_parked_or_pending_is_not_touched_however_long_it_rests(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    parked, pending, lost = [await advanced(log, settings, 3) for _ in range(3)]
    await archived(log, archive, settings, [parked, pending, lost])
    dead = Group(log, "executor", "dead")
    await dead.read(list(dead.partitions), 100, 10)
    await park(log, "executor", parked, 3_600_000)
    for order_id in (parked, lost):
        stream = log.keys.stream(log.keys.partition_of(order_id), "executor")
        ids = await entry_ids(log, stream, order_id)
        await log.client.call("XACK", stream, "executor", *ids)
    reconciler = a_reconciler(log, archive)

    async def put_back(order_id: str) -> int:
        return sum(fields[0] == b"only" for _, fields in await entries(log, order_id))

    async def the_lost_one_is_put_back() -> bool:
        await reconciler.look()
        return await put_back(lost) == 1

    await eventually(the_lost_one_is_put_back)

    assert await put_back(parked) == 0
    assert await put_back(pending) == 0


async def test_two_that_look_at_the_same_time_put_an_order_back_once(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    order_id = await advanced(log, settings, 3)
    await archived(log, archive, settings, [order_id])
    await lose_with_its_holder(log, order_id)
    reconcilers, before = [a_reconciler(log, archive) for _ in range(2)], reconciled()

    async def put_back() -> list[list[bytes]]:
        await asyncio.gather(*(reconciler.look() for reconciler in reconcilers))
        return [fields for _, fields in await entries(log, order_id) if fields[0] == b"only"]

    await eventually(put_back)
    at_once_again = await put_back()
    reader = Group(log, "executor", "reader")
    given = [d for d in await reader.read(list(reader.partitions), 10, 10) if not d.for_others]
    await rested(log, OrphanCandidate(order_id=order_id, version=3, group="router"))

    assert len(at_once_again) == 1
    assert len(await put_back()) == 1
    assert [(delivery.order_id, delivery.type) for delivery in given] == [(order_id, "OrderRouted")]
    assert reconciled() == before + 1


async def test_what_was_found_before_a_long_pause_is_not_put_back_after_it(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    """Else an order that ended and left Redis meanwhile would come back, and be swapped again."""
    order_id = await advanced(log, settings, 3)
    await archived(log, archive, settings, [order_id])
    history_then = await archive.history(order_id)
    await cut_the_stream(log, order_id)
    await log.client.call("DEL", log.keys.history(order_id))
    orphan = await rested(log, OrphanCandidate(order_id=order_id, version=0, group="projector"))
    async with mending(log, archive, settings, unsigned_too=True):
        await swapped(log, archive, settings, [order_id])
    await log.client.call("DEL", log.keys.history(order_id))

    assert not await restore(log, orphan, history_then)
    assert not await redeliver(log, orphan, "executor", history_then[-1:])
    assert await log.versions([order_id]) == [0]


async def rested(log: Log, candidate: OrphanCandidate) -> Orphan:
    """Return the candidate once it has been at rest for long enough."""

    async def look() -> list[Orphan]:
        partition = log.keys.partition_of(candidate.order_id)
        name = f"{candidate.order_id} {candidate.version}"
        await find_orphans(log, [candidate], REST_MS)
        since = await log.client.call("ZSCORE", log.keys.suspects(partition), name)
        seconds, microseconds = await log.client.call("TIME")
        now_ms = int(seconds) * 1_000 + int(microseconds) // 1_000
        return [Orphan(candidate, since)] if since and int(since) + REST_MS < now_ms else []

    [orphan] = await eventually(look)
    return orphan


async def test_one_look_goes_over_no_more_than_it_may_and_the_next_goes_on(
    log: Log, archive: Archive, settings: VenueSettings
) -> None:
    order_ids = [await advanced(log, settings, 1) for _ in range(30)]
    await archived(log, archive, settings, order_ids)
    await log.client.run([("DEL", log.keys.history(order_id)) for order_id in order_ids])
    reconciler = a_reconciler(log, archive, at_once=7)

    async def all_are_back() -> bool:
        before = await there(log, order_ids)
        await reconciler.look()
        assert await there(log, order_ids) - before <= 7
        return await there(log, order_ids) == len(order_ids)

    assert await eventually(all_are_back)


async def there(log: Log, order_ids: list[str]) -> int:
    return sum(version > 0 for version in await log.versions(order_ids))
