"""Every service behind one address, for clients that know no more of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from services.notifier.handler import Notifier
from services.projector.handler import Projector
from shared.archive.archive import Archive
from shared.archive.migrate import migrate
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.batches import Handle as HandleBatch
from shared.streams.consumer.consumer import Consumer
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Handler
from shared.streams.consumer.missing_history import ArchivedHistories
from shared.streams.consumer.steps import Steps
from shared.streams.log.log import Log
from tests.support.gateway import running_gateway
from tests.support.processes import StackSettings
from tests.support.replicas import a_router, an_executor

_START_S = 120


def stack_settings(
    redis_url: str, database_url: str, namespace: str, *, venue_faults: str = ""
) -> StackSettings:
    """Return the settings of a stack that waits for nothing."""
    return StackSettings(
        redis_url=redis_url,
        database_url=database_url,
        namespace=namespace,
        partitions=4,
        redis_timeout_s=60,
        backoff_base_ms=50,
        quote_deadline_ms=60_000,
        quote_ttl_ms=600_000,
        venue_deadline_ms=60_000,
        accept_deadline_ms=60_000,
        venue_quote_ms=0,
        venue_swap_ms_min=0,
        venue_swap_ms_max=0,
        confirm_poll_ms=10,
        venue_seed="tests",
        venue_faults=venue_faults,
        drain_s=2,
        history_ttl_s=60,  # Histories are looked at in Redis, after everything has ended.
    )


@contextmanager
def stack_in_background(settings: StackSettings) -> Iterator[str]:
    """Run a whole stack in a loop of its own, and yield its gateway's address."""
    address: Future[str] = Future()
    stop = threading.Event()

    async def serve() -> None:
        async with running_stack(settings) as started:
            address.set_result(started)
            await asyncio.to_thread(stop.wait)

    with ThreadPoolExecutor(1) as threads:
        serving = threads.submit(asyncio.run, serve())
        try:
            started: list[Future[Any]] = [address, serving]
            wait(started, _START_S, FIRST_COMPLETED)
            if serving.done():
                serving.result()  # It did not start: say why.
            yield address.result(0)
        finally:
            stop.set()
        serving.result()


@asynccontextmanager
async def running_stack(settings: StackSettings) -> AsyncIterator[str]:
    """Run a gateway and a replica of every other service; yield the gateway's address."""
    await migrate(settings.database_url)
    archive = await Archive.open(settings.database_url)
    stop = asyncio.Event()
    async with running_gateway(settings) as gateway:
        replicas = _replicas(gateway.log, archive, settings)
        running = [asyncio.create_task(replica.run(stop)) for replica in replicas]
        try:
            yield gateway.address
        finally:
            stop.set()
            await asyncio.gather(*running)
            await archive.close()


def _replicas(log: Log, archive: Archive, settings: StackSettings) -> list[Consumer]:
    def steps(name: str, handler: Handler) -> Consumer:
        group = Group(log, name, "one")
        recalled = ArchivedHistories(group, archive.history, ttl_s=60)
        worker = Steps(group, handler, settings, archive.ended, recalled.recall)
        return Consumer(group, worker, settings)

    def batches(name: str, handle: HandleBatch, *, hold: bool) -> Consumer:
        group = Group(log, name, "one")
        return Consumer(group, Batches(group, handle, settings, hold=hold), settings)

    projector = Projector(log, archive, history_ttl_s=settings.history_ttl_s)
    return [
        steps("router", a_router(log, settings)),
        steps("executor", an_executor(log, settings)),
        batches("notifier", Notifier(log).handle, hold=False),
        batches("projector", projector.handle, hold=True),
    ]
