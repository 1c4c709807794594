"""Open what a consuming service needs, run it, and close everything again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from shared.archive.archive import Archive
from shared.process.heartbeat import beating
from shared.process.runtime import Health, metrics_server, until_available
from shared.process.server_metrics import watch_redis
from shared.settings import ConsumerSettings
from shared.streams.consumer.consumer import Consumer
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Handler
from shared.streams.consumer.missing_history import ArchivedHistories
from shared.streams.consumer.steps import Steps
from shared.streams.consumer.traced import traced
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites, MayAct

logger = logging.getLogger(__name__)

_RECALL_LEASES = 4  # A recalled order falls due within one lease.


async def run_steps(
    name: str,
    make: Callable[[Log, MayAct], Handler],
    settings: ConsumerSettings,
    stop: asyncio.Event,
    beside: Callable[[Log, Archive, MayAct], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Run a service that answers each event with the next one, and what it does `beside` that."""
    async with opened(settings, stop) as (log, archive, health, lost_writes):
        if log is None or lost_writes is None:
            return
        group = Group(log, name, settings.consumer_name)
        ttl_s = max(1, _RECALL_LEASES * settings.lease_ms // 1_000)
        recall = ArchivedHistories(group, archive.history, ttl_s).recall
        may_act = lost_writes.may_act
        handler = traced(make(log, may_act), name)
        worker = Steps(group, handler, settings, archive.ended, recall)
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(beside(log, archive, may_act))] if beside else []
            await consume(Consumer(group, worker, settings), health, stop)
            for other in others:  # It may hang on a server that is away.
                other.cancel()


@asynccontextmanager
async def opened(
    settings: ConsumerSettings, stop: asyncio.Event
) -> AsyncIterator[tuple[Log | None, Archive, Health, LostWrites | None]]:
    """Yield the log, the archive, the health, and whether the log has lost anything.

    Without a log, when told to stop before Redis was there. The archive connects when it is first
    asked, so Postgres need not be there.
    """
    health = Health()
    async with metrics_server(settings.metrics_host, settings.metrics_port, health):
        archive = await Archive.open(settings.database_url)
        log = None
        try:
            log = await until_available(partial(Log.open, settings), stop, "Redis", health.waits)
            if log is None:
                yield None, archive, health, None
                return
            async with watched(log, archive) as lost_writes:
                refusals = log.client.refusals
                health.waits("")
                health.excuses += (lost_writes.why, refusals.why)
                yield log, archive, health, lost_writes
        finally:
            if log is not None:
                await log.close()
            await archive.close()


@asynccontextmanager
async def watched(log: Log, archive: Archive) -> AsyncIterator[LostWrites]:
    """Yield whether the log has lost anything, and look again and again meanwhile."""
    lost_writes = LostWrites(log, partial(archive.positions, log.keys.namespace))
    watch = asyncio.create_task(lost_writes.watch())
    try:
        yield lost_writes
    finally:
        watch.cancel()


async def consume(consumer: Consumer, health: Health, stop: asyncio.Event) -> None:
    """Read the consumer's group until told to stop."""
    group = consumer.group
    health.ready = True
    logger.info("%s %s reads %d partitions", group.name, group.me, len(group.partitions))
    watch = asyncio.create_task(watch_redis(group.log.client))
    try:
        async with beating(group.log, group.name, group.me):
            await consumer.run(stop)
    finally:
        watch.cancel()
    logger.info("%s %s left", group.name, group.me)
