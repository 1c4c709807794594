"""Wire the notifier and run it until told to stop."""

from __future__ import annotations

import asyncio

from services.notifier.handler import Notifier
from shared.process.consuming import consume, opened
from shared.process.runtime import run_service
from shared.settings import ConsumerSettings
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.consumer import Consumer
from shared.streams.consumer.group import Group
from shared.streams.consumer.traced import traced_batches

# Where so many entries come at once, what comes next waits a moment, and is published together.
_BUSY_ENTRIES, _BUSY_MS = 64, 20


async def main(settings: ConsumerSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    async with opened(settings, stop) as (log, _, health, _):
        if log is not None:
            group = Group(log, "notifier", settings.consumer_name)
            handle = traced_batches(Notifier(log).handle, group.name, "order.notify")
            worker = Batches(group, handle, settings, hold=False)
            consumer = Consumer(
                group, worker, settings, read_every_ms=_BUSY_MS, from_entries=_BUSY_ENTRIES
            )
            await consume(consumer, health, stop)


if __name__ == "__main__":
    run_service("notifier", ConsumerSettings, main)
