"""Start a projector: `python -m services.projector`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from services.projector.handler import Projector
from services.projector.trimming import keep_trimmed
from shared.archive.migrate import migrate
from shared.archive.postgres import Archive
from shared.runtime import Health, metrics_server, run_service, until_available
from shared.settings import ProjectorSettings
from shared.streams.batches import Batches
from shared.streams.consumer import Consumer
from shared.streams.group import Group
from shared.streams.log import Log


async def main(settings: ProjectorSettings, stop: asyncio.Event) -> None:
    """Project until told to stop. Neither server has to be there yet."""
    health = Health()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            metrics_server(settings.metrics_host, settings.metrics_port, health)
        )
        log = await until_available(lambda: Log.open(settings), stop, "Redis")
        if log is None:
            return
        stack.push_async_callback(log.close)
        archive = await Archive.open(settings.database_url)
        stack.push_async_callback(archive.close)
        health.ready = True
        await project(log, archive, settings, stop)


async def project(
    log: Log, archive: Archive, settings: ProjectorSettings, stop: asyncio.Event
) -> None:
    """Store events and trim the log until told to stop."""
    projector = Projector(log, archive, history_ttl_s=settings.history_ttl_s)
    group = Group(log, "projector", settings.consumer_name)
    batches = Batches(group, projector.handle, settings, hold=True)
    async with asyncio.TaskGroup() as tasks:
        # Batches wait while there are no tables, as they do while there is no Postgres.
        tasks.create_task(until_available(lambda: migrate(settings.database_url), stop, "Postgres"))
        tasks.create_task(keep_trimmed(log, settings.trim_every_s, stop))
        await Consumer(group, batches, settings).run(stop)


if __name__ == "__main__":
    run_service(ProjectorSettings, main)
