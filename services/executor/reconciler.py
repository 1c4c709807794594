"""Put orders that nobody holds back on their way, a few at a time and off the hot path.

Every replica does so; none needs to know of another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.executor.repair import Differs, Redeliver, Restore, repair
from shared.archive.archive import Archive
from shared.archive.lists.filters import Place
from shared.archive.open_orders import BEGINNING
from shared.clock import Clock
from shared.concurrency.pause import pause
from shared.errors import ServerAway
from shared.observability import metrics
from shared.observability.log_context import about
from shared.orders.codec import MalformedEvent, decode
from shared.orders.dispatch import ARCHIVES, next_group
from shared.streams.errors import GroupMissing
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import MayAct, always
from shared.streams.recovery.orphans import (
    Orphan,
    OrphanCandidate,
    find_orphans,
    is_on_stream,
    next_histories,
    redeliver,
    restore,
)

logger = logging.getLogger(__name__)


class MayBeSigned(Exception):
    """Redis lost the order, and the archive cannot know whether it was signed after all."""


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """Goes over the orders that have not ended, here and in the archive, again and again.

    `at_once` bounds what one look goes over. Nothing is touched that moved within `rest_ms`.
    `unsigned_too`: also go on with what Redis lost and may have been signed in what was lost.
    """

    log: Log
    archive: Archive
    at_once: int
    rest_ms: int
    unsigned_too: bool
    now: Clock
    may_act: MayAct = always
    _cursors: Mapping[str, int] = field(default_factory=dict)
    _place: Place = BEGINNING

    async def keep_looking(self, every_s: float, stop: asyncio.Event) -> None:
        """Look every so often until told to stop."""
        while not stop.is_set():
            await pause(stop, every_s)
            try:
                await self.look()
            except (ServerAway, GroupMissing) as error:
                logger.warning("not reconciled: %s", error)
            except Exception:
                # The steps beside it must go on, whatever somebody put into a server by hand.
                logger.exception("not reconciled")

    async def look(self) -> None:
        """Go over the next few orders, and put back those found at rest long enough."""
        await self.may_act()
        # The archive first: without it nothing can be put back, and no place is lost.
        candidates = [*await self._shortened(), *await self._at_rest()]
        for orphan in await find_orphans(self.log, candidates, self.rest_ms):
            await self._requeue(orphan)

    async def _shortened(self) -> list[OrphanCandidate]:
        page = await self.archive.next_open(self._place, self.at_once)
        self._place = page[-1].place if len(page) == self.at_once else BEGINNING
        resting = [order for order in page if order.updated_at < self._long_ago()]
        metrics.LOOKED_AT.inc(len(page))
        versions = await self.log.versions([order.order_id for order in resting])
        return [
            OrphanCandidate(order_id=order.order_id, version=version, group=ARCHIVES)
            for order, version in zip(resting, versions, strict=True)
            if version < order.version
        ]

    async def _at_rest(self) -> list[OrphanCandidate]:
        found = await next_histories(self.log, self._cursors, self.at_once)
        self._cursors, histories = found
        metrics.LOOKED_AT.inc(len(histories))
        candidates = (self._candidate(order_id, last) for order_id, last in histories.items())
        return [candidate for candidate in candidates if candidate is not None]

    def _candidate(self, order_id: str, last: bytes) -> OrphanCandidate | None:
        try:
            event = decode(last)
        except MalformedEvent:
            return None  # It became a dead letter: that is for people to see to.
        if event.at > self._long_ago():
            return None
        return OrphanCandidate(order_id=order_id, version=event.version, group=next_group(event))

    async def _requeue(self, orphan: Orphan) -> None:
        order_id = orphan.candidate.order_id
        if await self.archive.halted([order_id]):
            return  # That is for people to see to.
        # Only now: every entry of the order that there was has come to the archive.
        archived = await self.archive.history(order_id)
        [kept] = await self.log.history([order_id])
        try:
            why = await self._follow(orphan, repair(kept, archived))
        except (Differs, MayBeSigned, MalformedEvent):
            metrics.IRRECONCILABLE.inc()
            logger.exception(
                "order %s is nobody's, and left alone", order_id, extra=about(order_id)
            )
            return
        if why:
            metrics.RECONCILED.labels(why).inc()
            logger.warning("order %s was nobody's: %s", order_id, why, extra=about(order_id))

    async def _follow(self, orphan: Orphan, way: Restore | Redeliver | None) -> str:
        """Return what was done, or nothing when there was no need, or somebody was first."""
        match way:
            case None:
                return ""
            case Restore(events):
                await self._make_sure(orphan.candidate.order_id, way)
                return "restored" if await restore(self.log, orphan, events) else ""
            case Redeliver(group, events):
                done = await redeliver(self.log, orphan, group, events)
                return f"given to {group}" if done else ""

    async def _make_sure(self, order_id: str, way: Restore) -> None:
        # The stream and the list are written together. Where the stream still has the last event,
        # only the list was damaged; where it has not, there may have been more, and a signature.
        if way.signed or self.unsigned_too:
            return
        if not await is_on_stream(self.log, order_id, way.events[-1]):
            raise MayBeSigned

    def _long_ago(self) -> datetime:
        return self.now() - timedelta(milliseconds=self.rest_ms)
