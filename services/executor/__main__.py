"""Wire the executor and run it until told to stop."""

from __future__ import annotations

import asyncio

from services.executor.handler import Executor
from services.executor.watch import ChainWatch
from shared.clock import utc_now
from shared.consuming import run_steps
from shared.runtime import run_service
from shared.settings import VenueSettings
from shared.streams.log import Log
from shared.venues.registry import open_venues


def make_executor(log: Log, settings: VenueSettings) -> Executor:
    """Return an executor of every venue that is configured."""
    venues = open_venues(settings, log.client)
    poll_ms, deadline_ms = settings.confirm_poll_ms, settings.venue_deadline_ms
    watches = {name: ChainWatch(venue, poll_ms, deadline_ms) for name, venue in venues.items()}
    return Executor(log=log, venues=venues, watches=watches, settings=settings, now=utc_now)


async def main(settings: VenueSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    await run_steps("executor", lambda log: make_executor(log, settings), settings, stop)


if __name__ == "__main__":
    run_service(VenueSettings, main)
