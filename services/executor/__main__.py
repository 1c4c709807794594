"""Wire the executor and run it until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from services.executor.chain import Chain, ChainWatch
from services.executor.handler import Executor
from services.executor.look_back import LookBack
from services.executor.reconciler import Reconciler
from services.executor.settlement import Settlement
from shared.archive.archive import Archive
from shared.clock import utc_now
from shared.concurrency.timers import Deadline
from shared.observability import metrics
from shared.process.chain import service_chain
from shared.process.consuming import run_steps
from shared.process.runtime import run_service
from shared.settings import ExecutorSettings, VenueSettings
from shared.streams.log.history import Histories
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import MayAct, always
from shared.venues.health.book import Book
from shared.venues.health.outcomes import Outcomes
from shared.venues.protocol import Venue
from shared.venues.registry import open_venues

_REST_LEASES = 4  # Nobody moved an order for so long: whoever held it has died or let it go.


def make_executor(
    log: Log,
    settings: VenueSettings,
    venues: Mapping[str, Venue] | None = None,
    may_act: MayAct = always,
    book: Book | None = None,
) -> Executor:
    """Return an executor of these venues, or of every one that is configured."""
    venues = venues or open_venues(settings, log.client)
    poll_ms, deadline_ms = settings.confirm_poll_ms, settings.venue_deadline_ms
    watches = {name: ChainWatch(venue, poll_ms, deadline_ms) for name, venue in venues.items()}
    for name in venues:  # A rise from nothing is not seen.
        metrics.series(metrics.UNRESOLVED, name)
        metrics.series(metrics.VENUE_SECONDS, name, "build", "firewall_refused")
    for kind in ("landed", "rolledBack", "landedAnew"):
        metrics.series(metrics.CONTRADICTIONS, kind)
    deadline = Deadline(deadline_ms / 1_000)
    chain = Chain(venues=venues, watches=watches, deadline=deadline, may_act=may_act)
    histories = Histories(log)
    return Executor(
        chain=chain,
        settlement=Settlement(chain=chain, histories=histories, settings=settings, now=utc_now),
        outcomes=Outcomes((book or Book()).tally),
        look_back=LookBack(chain=chain, histories=histories, settings=settings, now=utc_now),
        settings=settings,
        now=utc_now,
    )


def make_reconciler(
    log: Log, archive: Archive, settings: ExecutorSettings, may_act: MayAct = always
) -> Reconciler:
    """Return a reconciler of the whole log."""
    return Reconciler(
        log=log,
        archive=archive,
        at_once=settings.reconcile_keys,
        rest_ms=_REST_LEASES * settings.lease_ms,
        unsigned_too=settings.reconcile_unsigned,
        now=utc_now,
        may_act=may_act,
    )


async def main(settings: ExecutorSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    book = Book()

    def make(log: Log, may_act: MayAct) -> Executor:
        venues = open_venues(settings, log.client, chain)
        return make_executor(log, settings, venues, may_act, book)

    async def beside(log: Log, archive: Archive, may_act: MayAct) -> None:
        reconciler = make_reconciler(log, archive, settings, may_act)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reconciler.keep_looking(settings.reconcile_every_s, stop))
            tasks.create_task(book.keep(log, settings.consumer_name))

    async with service_chain(settings, signs=True) as chain:
        await run_steps("executor", make, settings, stop, beside)


if __name__ == "__main__":
    run_service("executor", ExecutorSettings, main)
