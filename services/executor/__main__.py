"""Wire the executor and run it until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from services.executor.chain import Chain
from services.executor.handler import Executor
from services.executor.look_back import LookBack
from services.executor.settle import Settlement
from services.executor.watch import ChainWatch
from shared.clock import utc_now
from shared.consuming import run_steps
from shared.runtime import run_service
from shared.settings import VenueSettings
from shared.streams.history import Histories
from shared.streams.log import Log
from shared.venues.protocol import Venue
from shared.venues.registry import open_venues


def make_executor(
    log: Log, settings: VenueSettings, venues: Mapping[str, Venue] | None = None
) -> Executor:
    """Return an executor of these venues, or of every one that is configured."""
    venues = venues or open_venues(settings, log.client)
    poll_ms, deadline_ms = settings.confirm_poll_ms, settings.venue_deadline_ms
    watches = {name: ChainWatch(venue, poll_ms, deadline_ms) for name, venue in venues.items()}
    chain = Chain(venues=venues, watches=watches, deadline_s=deadline_ms / 1_000)
    histories = Histories(log)
    return Executor(
        chain=chain,
        settlement=Settlement(chain=chain, histories=histories, settings=settings, now=utc_now),
        look_back=LookBack(chain=chain, histories=histories, settings=settings, now=utc_now),
        settings=settings,
        now=utc_now,
    )


async def main(settings: VenueSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    await run_steps("executor", lambda log: make_executor(log, settings), settings, stop)


if __name__ == "__main__":
    run_service(VenueSettings, main)
