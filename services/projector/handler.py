"""Store what happened; then let Redis forget what is stored."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from functools import partial
from operator import attrgetter

from shared.archive.archive import Archive
from shared.archive.fold import Recorded
from shared.clock import Clock, utc_now
from shared.observability import metrics
from shared.observability.log_context import about
from shared.streams.consumer.deliveries import Delivery
from shared.streams.log.halted_orders import halt
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import tell_archived

logger = logging.getLogger(__name__)


class Projector:
    """Takes batches of deliveries into the archive."""

    def __init__(
        self, log: Log, archive: Archive, *, history_ttl_s: int, clock: Clock = utc_now
    ) -> None:
        """`history_ttl_s` is how long Redis keeps the history of an archived, ended order."""
        self._log = log
        self._archive = archive
        self._history_ttl_s = history_ttl_s
        self._clock = clock
        self._reached: dict[int, tuple[int, int]] = {}  # By partition, and not noted yet.

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Store a batch, all or nothing. The caller acknowledges it when this returns.

        Raises `MalformedEvent`, and `ServerAway` when the same batch is to be handed in again.
        """
        # What is read order by order lies so in memory, and is gone through in less time.
        recorded = [
            Recorded.read(event.raw, delivery.place)
            for delivery in sorted(deliveries, key=attrgetter("order_id"))
            for event in delivery.written()
        ]
        # Commit, tell Redis, then acknowledge: a crash in between repeats, and forgets nothing.
        with metrics.series(metrics.PROJECTION_SECONDS).time():
            stored = await self._archive.store(recorded)
        self._reach(deliveries)
        await self._log.expire_histories(stored.complete, self._history_ttl_s)
        if stored.halted:
            await self._halt(stored.halted)
        self._measure(recorded)

    def _reach(self, deliveries: Sequence[Delivery]) -> None:
        ids: dict[int, list[str]] = {}
        for delivery in deliveries:
            ids.setdefault(delivery.partition, []).append(delivery.entry_id)
        for partition, some in ids.items():
            # As texts, for most of them: the first half has as many digits in each.
            ms = max(some).partition("-")[0]
            last = max(int(one[len(ms) + 1 :]) for one in some if one.startswith(ms))
            before = self._reached.get(partition, (0, 0))
            self._reached[partition] = max(before, (int(ms), last))

    async def note_positions(self) -> None:
        """Tell Redis, and then note, how far partitions were archived since the last time.

        Raises `ServerAway`; then it is to be called again.
        """
        if reached := dict(self._reached):
            tell = partial(tell_archived, self._log, reached=reached)
            await self._archive.advance(self._log.keys.namespace, reached, tell)
            for partition, place in reached.items():
                if self._reached.get(partition) == place:
                    del self._reached[partition]

    async def _halt(self, order_ids: Collection[str]) -> None:
        await halt(self._log, order_ids)
        for order_id in order_ids:
            logger.error(
                "order %s is halted: the archive has an event of it with other content",
                order_id,
                extra=about(order_id),
            )

    def _measure(self, recorded: Sequence[Recorded]) -> None:
        now = self._clock()
        metrics.PROJECTED.inc(len(recorded))
        metrics.PROJECTION_BATCH.observe(len(recorded))
        oldest = min([event.at for event, *_ in recorded])
        metrics.PROJECTION_STALENESS.observe((now - oldest).total_seconds())
