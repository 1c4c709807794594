"""The same code on a Redis Cluster: partitions spread over the nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from limits import parse
from redis import Redis

from services.notifier.handler import Notifier
from shared.orders.events import OrderEvent
from shared.settings import VenueSettings
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Next
from shared.streams.errors import LogUnavailable
from shared.streams.figures.heartbeats import Heartbeats
from shared.streams.log.epoch import epoch_of
from shared.streams.log.followed import Following
from shared.streams.log.live_updates import Updates
from shared.streams.log.log import Log
from shared.streams.log.tail import Gone, Tail
from shared.streams.recovery.dead_letters import dead_letters
from shared.streams.recovery.orphans import OrphanCandidate, find_orphans, next_histories
from shared.streams.redis import tickets
from shared.streams.redis.rate_limits import RateLimits
from shared.streams.redis.retry import WaitForRedis
from shared.streams.redis.server_info import memory_percent
from shared.venues.ledger import Ledger
from tests.support.builders import an_order_id, submitted
from tests.support.cluster import SLOTS, a_cluster
from tests.support.eventually import eventually
from tests.support.replicas import (
    Scripted,
    a_router,
    an_executor,
    placed,
    publish,
    running,
    submit,
    unsettled,
    working,
)
from tests.support.servers import Valkey


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[Valkey]]:
    """Return three primaries."""
    with a_cluster(replicas=0) as made:
        yield made.nodes


@pytest.fixture
def spread(cluster: list[Valkey], settings: VenueSettings) -> VenueSettings:
    return settings.model_copy(update={"redis_url": cluster[0].url, "partitions": 8})


async def test_orders_flow_and_stream_over_every_node(spread: VenueSettings) -> None:
    log = await Log.open(spread)
    heard: dict[str, int] = {}

    def on_message(order_id: str, _message: bytes) -> None:
        heard[order_id] = heard.get(order_id, 0) + 1

    stop = asyncio.Event()
    updates = Updates(log, on_message, lambda: None)
    listening = asyncio.create_task(updates.run(stop))
    notifier = Group(log, "notifier", "only")
    publishing = Batches(notifier, Notifier(log).handle, spread, hold=False)
    try:
        async with (
            running(log, "router", a_router(log, spread), spread),
            running(log, "executor", an_executor(log, spread), spread),
            working(notifier, publishing, spread),
        ):
            orders = [await placed(log) for _ in range(40)]
            ids = [order.order_id for order in orders]
            for order_id in ids:
                await updates.subscribe(order_id)

            async def all_ended() -> bool:
                return await log.versions(ids) == [6] * len(ids)

            async def all_settled() -> bool:
                left = [await unsettled(log, name) for name in ("router", "executor", "notifier")]
                return sum(left) == 0

            await eventually(all_ended)
            await eventually(all_settled)
            await publish(log, *((order_id, b"{}") for order_id in ids))
            await eventually(lambda: heard.keys() == set(ids))
            assert await Following(log).among([*ids, an_order_id()]) == set(ids)
        ledger = Ledger(log.client, namespace=spread.namespace, retention_s=60)
        landed = [swap.order_id async for swap in ledger.landed()]
        nodes = {log.client.node_of(log.keys.log(partition)) for partition in range(8)}

        assert log.client.clustered
        assert len(nodes) == len(SLOTS)
        assert sorted(landed) == sorted(ids)
        assert await dead_letters(log) == []
    finally:
        stop.set()
        await listening
        await log.close()


async def test_the_log_is_read_without_a_group_and_proven_over_every_node(
    spread: VenueSettings,
) -> None:
    log = await Log.open(spread)
    try:
        epoch, tail = await epoch_of(log), Tail(log)
        before = await tail.end()
        ids = {(await placed(log)).order_id for _ in range(40)}
        partitions = await tail.wait(before, 60)
        found = await tail.read({p: before[p] for p in partitions}, 100)
        read = {
            entry.fields[entry.fields.index(b"order") + 1].decode()
            for entries in found.values()
            for entry in entries
        }
        await log.client.call("DEL", log.keys.log(0))
        with pytest.raises(Gone) as gone:
            await tail.read(dict(enumerate(await Tail(log).end())) | {0: (1, 1)}, 100)

        assert await epoch_of(log) == epoch
        assert read == ids
        assert gone.value.partitions == [0]
    finally:
        await log.prepare()
        await log.close()


async def test_many_readers_take_no_more_than_there_is_room_for(spread: VenueSettings) -> None:
    few = spread.model_copy(update={"max_in_flight": 8, "drain_s": 0.1})
    log = await Log.open(few)
    started: list[str] = []

    async def hang(event: OrderEvent) -> Next:
        started.append(event.order_id)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    try:
        await submit(log, *(submitted() for _ in range(200)))
        async with running(log, "router", Scripted(hang), few):
            await eventually(lambda: len(started) >= few.max_in_flight)
            settled = time.monotonic() + 1
            await eventually(lambda: time.monotonic() > settled)
    finally:
        await log.close()

    assert len(started) <= few.max_in_flight + few.partitions


async def test_orders_that_other_nodes_took_are_not_said_to_be_refused(
    cluster: list[Valkey], spread: VenueSettings
) -> None:
    log = await Log.open(spread)
    orders = [submitted() for _ in range(60)]
    cluster[-1].kill()
    try:
        with pytest.raises(LogUnavailable):  # The line breaks.
            await submit(log, *(submitted() for _ in orders))
        with pytest.raises(LogUnavailable) as refused:  # There is no line to be had.
            await submit(log, *orders)
    finally:
        cluster[-1].start()
    # The cluster is down for a moment more.
    versions = await WaitForRedis()(lambda: log.versions([order.order_id for order in orders]))
    await log.close()

    assert 0 < sum(versions) < len(orders)
    assert refused.value.maybe_applied


async def test_orders_that_nobody_holds_are_found_on_every_node(spread: VenueSettings) -> None:
    log = await Log.open(spread)
    order_ids = {(await placed(log)).order_id for _ in range(60)}
    candidates = [OrphanCandidate(order_id=i, version=1, group="router") for i in order_ids]
    seen: set[str] = set()
    cursors: dict[str, int] = {}

    async def all_are_seen() -> bool:
        nonlocal cursors
        cursors, histories = await next_histories(log, cursors, 10)
        seen.update(histories)
        return seen == order_ids

    async def orphans() -> set[str]:
        found = await find_orphans(log, candidates, rest_ms=100)
        return {orphan.candidate.order_id for orphan in found}

    await eventually(all_are_seen)
    await orphans()
    for name in ("router", "projector"):
        reader = Group(log, name, "reader")
        assert await orphans() == set()
        for partitions in reader.readers():
            await reader.acknowledge(await reader.read(partitions, 100, 10))

    async def all_are_strays() -> bool:
        return await orphans() == order_ids

    await eventually(all_are_strays)
    await log.close()


async def test_heartbeats_of_all_replicas_lie_on_one_node(spread: VenueSettings) -> None:
    log = await Log.open(spread)
    beats = Heartbeats(log.client, spread.namespace)
    try:
        await beats.beat("one", b"{}", {"confirmed": 1})
        counted_s = await beats.beat("two", b"{}", {"confirmed": 2}) // 1_000

        async def is_over() -> bool:
            return (await beats.read()).now_ms // 1_000 > counted_s

        await eventually(is_over)
        found = await beats.read()
    finally:
        await log.close()

    assert sum(counts.get("confirmed", 0) for counts in found.counts.values()) == 3
    assert sorted(found.replicas) == ["one", "two"]


async def test_rates_are_counted_and_tickets_kept_on_any_node(
    cluster: list[Valkey], spread: VenueSettings
) -> None:
    log, accounts = await Log.open(spread), [f"account-{n}" for n in range(12)]
    rates = RateLimits(cluster[0].url, log.keys, clustered=True)
    try:
        spent = [await rates.spend(parse("1/day"), who, 1) for who in accounts * 2]
        issued = [await tickets.issue(log.client, log.keys, b"me") for _ in accounts]
        redeemed = [await tickets.redeem(log.client, log.keys, ticket) for ticket in issued * 2]
    finally:
        await rates.close()
        await log.close()

    assert [allowance.allowed for allowance in spent] == [True] * 12 + [False] * 12
    assert redeemed == [b"me"] * 12 + [None] * 12


async def test_the_fullest_node_tells_how_full_a_cluster_is(
    cluster: list[Valkey], spread: VenueSettings
) -> None:
    log = await Log.open(spread)
    before = await memory_percent(log.client)
    with Redis(port=cluster[2].port) as third:
        third.config_set("maxmemory", 1_000_000_000)
        after = await memory_percent(log.client)
        third.config_set("maxmemory", 0)
    await log.close()

    assert 0 < before < after < 100
