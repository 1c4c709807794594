"""Wire the router and run it until told to stop."""

from __future__ import annotations

import asyncio

from services.router.handler import Router
from shared.clock import utc_now
from shared.concurrency.timers import Deadline
from shared.process.chain import service_chain
from shared.process.consuming import run_steps
from shared.process.runtime import run_service
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import MayAct
from shared.tokens.registry import load_tokens
from shared.venues.registry import open_venues


async def main(settings: VenueSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    async with service_chain(settings) as chain:

        def make(log: Log, may_act: MayAct) -> Router:
            return Router(
                log=log,
                venues=list(open_venues(settings, log.client, chain).values()),
                tokens=load_tokens(settings.tokens_file),
                quote_deadline=Deadline(settings.quote_deadline_ms / 1_000),
                max_routes=settings.max_routes,
                now=utc_now,
                may_act=may_act,
            )

        await run_steps("router", make, settings, stop)


if __name__ == "__main__":
    run_service("router", VenueSettings, main)
