"""Wire the router and run it until told to stop."""

from __future__ import annotations

import asyncio

from services.router.handler import Router
from shared.archive.archive import Archive
from shared.clock import utc_now
from shared.concurrency.timers import Deadline
from shared.process.chain import service_chain
from shared.process.consuming import run_steps
from shared.process.runtime import run_service
from shared.routing.panel import Panel
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import MayAct
from shared.tokens.registry import load_tokens
from shared.venues.health.book import Book
from shared.venues.registry import open_venues


async def main(settings: VenueSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    book = Book()
    async with service_chain(settings) as chain:

        def make(log: Log, may_act: MayAct) -> Router:
            venues = list(open_venues(settings, log.client, chain).values())
            deadline = Deadline(settings.quote_deadline_ms / 1_000)
            return Router(
                log=log,
                panel=Panel(venues, deadline, book),
                tokens=load_tokens(settings.tokens_file),
                max_routes=settings.max_routes,
                now=utc_now,
                may_act=may_act,
            )

        async def keep(log: Log, _archive: Archive, _may_act: MayAct) -> None:
            await book.keep(log, settings.consumer_name)

        await run_steps("router", make, settings, stop, keep)


if __name__ == "__main__":
    run_service("router", VenueSettings, main)
