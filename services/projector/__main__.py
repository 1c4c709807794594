"""Wire the projector and run it until told to stop."""

from __future__ import annotations

import asyncio

from services.projector.handler import Projector
from services.projector.hold_unfinished import HoldUnfinished
from services.projector.noting import keep_noted, note_last
from services.projector.trimming import keep_trimmed
from shared.archive.migrate import migrate
from shared.process.consuming import consume, opened
from shared.process.runtime import run_service, until_available
from shared.process.server_metrics import watch_postgres
from shared.settings import ProjectorSettings
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.consumer import Consumer
from shared.streams.consumer.group import Group
from shared.streams.consumer.traced import traced_batches

# The more of an order's events come together, the fewer times its row is written.
_BATCH = 8_000
# Where so many come at once, those of an order that goes on wait for its end, so many times as long
# as entries gather.
_MANY, _TIMES = 1_000, 5


async def main(settings: ProjectorSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    async with opened(settings, stop) as (log, archive, health, lost_writes):
        if log is None or lost_writes is None:
            return
        health.excuses.append(lambda: archive.closed)
        projector = Projector(log, archive, history_ttl_s=settings.history_ttl_s)
        group = Group(log, "projector", settings.consumer_name)
        handle = traced_batches(projector.handle, group.name, "order.project")
        every_ms = settings.project_every_ms
        many = _MANY // len(group.readers())
        hold_back = HoldUnfinished(many=many, most=_BATCH, longest_s=_TIMES * every_ms / 1_000)
        worker = Batches(group, handle, settings, hold=True, batch=_BATCH, hold_back=hold_back)
        consumer = Consumer(group, worker, settings, read_every_ms=every_ms)
        database = settings.database_url
        async with asyncio.TaskGroup() as tasks:
            # Batches wait while there are no tables, as they do while there is no Postgres.
            tasks.create_task(until_available(lambda: migrate(database), stop, "Postgres"))
            tasks.create_task(keep_trimmed(log, settings, stop))
            tasks.create_task(keep_noted(projector, stop))
            watch = tasks.create_task(watch_postgres(archive, archive.may_store))
            await consume(consumer, health, stop)
            watch.cancel()
            await note_last(projector)


if __name__ == "__main__":
    run_service("projector", ProjectorSettings, main)
