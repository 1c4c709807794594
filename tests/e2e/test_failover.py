"""A primary of a Redis Cluster is killed under load, and its replica takes over."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from shared.archive.archive import Archive
from shared.errors import ServerAway
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import accept_loss, gaps
from tests.chaos.checker import violations
from tests.chaos.command import Plan, settings_for
from tests.chaos.evidence import evidence
from tests.chaos.load import Load
from tests.chaos.records import Answer, Fell, Listed, Record
from tests.chaos.run import ACCEPTED, Violation
from tests.support.archive import rows
from tests.support.cluster import Cluster, a_cluster, following
from tests.support.eventually import eventually
from tests.support.processes import EVERY_SERVICE, Services, StackSettings
from tests.support.replication import cut_off, facts, follows, reconnect
from tests.support.servers import Valkey

RATE = 25  # Orders a second.
SOME = 30  # Orders that are taken before the primary dies, and after its replica took over.

Histories = Mapping[str, Sequence[bytes]]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with a_cluster(replicas=1) as made:
        yield made


@pytest.fixture
def settings(cluster: Cluster, database_url: str, tmp_path: Path) -> StackSettings:
    plan = Plan(seconds=0, seed=1, faults=(), rate=RATE, fault_every_s=0, replicas=1, save=tmp_path)
    # Every history stays in Redis, to be compared.
    given = settings_for(plan) | {"history_ttl_s": 3_600, "replicas_ack_ms": 500}
    return StackSettings.model_validate(
        {"redis_url": cluster.url, "database_url": database_url, **given}
    )


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What was left of the orders once all was quiet again.

    `missed` are those of which the dead primary knew what the log does not know any more,
    `never_copied` those of them that its replica had not heard of at all when it was last asked,
    and `forgotten` those of which it knew then what the log does not know any more.
    """

    accepted: set[str]
    missed: set[str]
    never_copied: set[str]
    forgotten: set[str]
    archived: set[str]
    kept: set[str]
    violations: list[Violation]
    refusals: list[Answer]

    @property
    def unexplained(self) -> list[Violation]:
        """Return what is wrong with other orders; before they have ended, much may be."""
        return [one for one in self.violations if one.order_id not in self.missed]

    @property
    def lost(self) -> set[str]:
        """Return the orders that were answered with 202, and that nobody knows any more."""
        return self.accepted - self.kept - self.archived


async def test_a_primary_that_is_killed_costs_what_its_replica_had_missed_and_nothing_else(
    cluster: Cluster, settings: StackSettings, services: Services, tmp_path: Path
) -> None:
    left = await brought_down(cluster, settings, services, tmp_path)

    assert left.missed
    assert left.lost == left.accepted & left.never_copied - left.archived - left.kept
    assert left.forgotten == set()
    assert left.unexplained == []


async def test_with_replicas_ack_nothing_is_lost_of_what_anybody_was_told(
    cluster: Cluster, settings: StackSettings, services: Services, tmp_path: Path
) -> None:
    careful = settings.model_copy(update={"replicas_ack": 1})
    left = await brought_down(cluster, careful, services, tmp_path)

    assert left.violations == []
    assert left.lost == set()
    assert left.refusals  # While the replica heard nothing, its primary's orders were not taken.


async def brought_down(
    cluster: Cluster,
    settings: StackSettings,
    services: Services,
    folder: Path,
) -> Aftermath:
    """Kill a primary under load, its replica cut off from it first, and let all end."""
    stack = await services.start(settings, *EVERY_SERVICE)
    log = await Log.open(settings)
    victim = a_victim(cluster, log)
    replica = cluster.replica_of(victim)
    theirs = [p for p in range(8) if cluster.holder_of(log.keys.log(p)) is victim]
    over = asyncio.Event()
    async with Load(lambda: [stack[0].address], 1) as load:
        placing = asyncio.create_task(load.place_orders(RATE, over))

        def taken() -> list[str]:
            return accepted(load.records)

        def refused() -> list[Answer]:
            return refusals(load.records)

        async def more_are_taken() -> None:
            enough = len(taken()) + SOME
            await eventually(lambda: len(taken()) >= enough)

        await more_are_taken()
        cut_off(replica, victim)
        await eventually(lambda: not follows(replica, victim))
        copied = histories(replica, settings.namespace)
        known = set(taken())

        def risked() -> int:
            there = (log.keys.partition_of(order_id) for order_id in set(taken()) - known)
            return len(refused()) + sum(partition in theirs for partition in there)

        await eventually(lambda: risked() >= 10)
        assert facts(victim, "replication")["role"] == "master"
        victim.kill()
        had = await asyncio.to_thread(had_been_on, victim, folder, settings.namespace)
        await cluster.promoted(replica)
        reconnect(replica)
        victim.start()
        await following(victim, replica)
        async with accepting_what_is_lost(log, settings) as nothing_is_lost:
            enough = len(taken()) + SOME

            async def goes_on() -> bool:
                return await nothing_is_lost() and len(taken()) >= enough

            await eventually(goes_on, within_s=30)
        over.set()
        await placing
        # An order may be placed anew, and begin, after everything else has ended.
        await eventually(lambda: load.placing == 0, within_s=60)

        async def look() -> Aftermath:
            fallen = [Fell(service=service.consumer) for service in stack if not service.alive]
            records = [*load.records, *fallen, *await evidence(settings)]
            return aftermath(settings, records, had, copied)

        async def all_is_over() -> bool:
            left = await look()
            # Who follows what was lost does so for ever.
            assert (left.violations if settings.replicas_ack else left.unexplained) == []
            return True

        await eventually(all_is_over, within_s=150, every_s=1)
        await load.finish(0)
        left = await look()
    await log.close()
    return left


@asynccontextmanager
async def accepting_what_is_lost(
    log: Log, settings: StackSettings
) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Yield what tells whether nothing is lost, and accepts what is, as a person would.

    With replicas that were waited for nobody has to.
    """
    archive = await Archive.open(settings.database_url)

    async def is_nothing_lost() -> bool:
        look = gaps if settings.replicas_ack else accept_loss
        try:
            return not await look(log, await archive.positions(log.keys.namespace))
        except ServerAway:
            return False

    try:
        yield is_nothing_lost
    finally:
        await archive.close()


def aftermath(
    settings: StackSettings, records: Sequence[Record], had: Histories, copied: Histories
) -> Aftermath:
    now = {
        one.order_id: [event.encode() for event in one.events]
        for one in records
        if isinstance(one, Listed)
    }

    def unknown_of(then: Histories) -> set[str]:
        return {i for i, events in then.items() if now.get(i, [])[: len(events)] != events}

    return Aftermath(
        accepted=set(accepted(records)),
        missed=unknown_of(had),
        never_copied=had.keys() - copied.keys(),
        forgotten=unknown_of(copied),
        archived={i for (i,) in rows(settings.database_url, "SELECT order_id::text FROM orders")},
        kept=set(now),
        violations=violations(records),
        refusals=refusals(records),
    )


def a_victim(cluster: Cluster, log: Log) -> Valkey:
    """Return a primary that does not hold the simulated chain: a real one would not die with it."""
    chain = cluster.holder_of(f"{log.keys.namespace}:{{chain}}:ledger")
    return next(node for node in reversed(cluster.primaries) if node is not chain)


def accepted(records: Sequence[Record]) -> list[str]:
    return [
        one.order_id
        for one in records
        if isinstance(one, Answer) and one.asked == "place" and one.status == ACCEPTED
        if one.order_id
    ]


def refusals(records: Sequence[Record]) -> list[Answer]:
    return [
        one
        for one in records
        if isinstance(one, Answer) and one.asked == "place" and one.status in (503, 504)
    ]


def had_been_on(dead: Valkey, folder: Path, namespace: str) -> Histories:
    """Return every order that a killed node had written to its disk."""
    shutil.copytree(dead.option("--dir"), folder / "dead")
    alone = Valkey(folder / "dead")
    alone.start()
    try:
        return histories(alone, namespace)
    finally:
        alone.kill()


def histories(node: Valkey, namespace: str) -> Histories:
    with Redis(port=node.port, socket_timeout=10) as client:
        if client.info("cluster")["cluster_enabled"]:
            client.execute_command("READONLY")
        keys = client.scan_iter(f"{namespace}:*:order:*", count=10_000)
        return {key.decode().rpartition(":")[2]: client.lrange(key, 0, -1) for key in keys}
