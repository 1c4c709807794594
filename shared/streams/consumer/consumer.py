"""The runtime of every consuming service: read, take over, renew, leave.

What is done with an entry is the worker's business (`steps.py`, `batches.py`). Delivery is at
least once: a crash at any point means only that the same event is delivered again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from shared.concurrency.pause import pause
from shared.observability import metrics
from shared.settings import ConsumerSettings
from shared.streams.consumer.backlog import report_backlog
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Turn
from shared.streams.consumer.in_flight import LOOKS, Leases
from shared.streams.errors import GroupMissing, LogUnavailable
from shared.streams.redis.retry import LONGEST_PAUSE_S, WaitForRedis

logger = logging.getLogger(__name__)
T = TypeVar("T")

_BLOCK_MS = 500
_SWEEP_S = 60.0
_SWEEP_LEASES = 20  # A name that was silent for so many leases belongs to a dead process.
_REPORT_S = 5.0
_LEAVE_S = 2.0


class Worker(Protocol):
    """Does something with deliveries, and knows which ones it holds."""

    patience: WaitForRedis

    def room(self) -> int:
        """Return how many more deliveries may be started now."""
        ...

    async def has_room(self, unless: asyncio.Event) -> None:
        """Return once there is room, or `unless` is set."""
        ...

    def held(self) -> Collection[Delivery]:
        """Return what was started and is not settled."""
        ...

    def start(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Start on deliveries without waiting; return those that call for nothing."""
        ...

    async def forget(self, vanished: Sequence[Turn]) -> None:
        """Deal with parked orders whose history is gone."""
        ...

    async def finish(self, within_s: float) -> None:
        """Finish what was started, or let it go when the time is over."""
        ...


class Consumer:
    """One replica of a service, reading its group until told to stop."""

    def __init__(
        self,
        group: Group,
        worker: Worker,
        settings: ConsumerSettings,
        *,
        read_every_ms: int = 0,
        from_entries: int = 1,
    ) -> None:
        """Pause `read_every_ms` between reads, so that entries gather into one batch.

        Pause only after a read of at least `from_entries`, and not while more are waiting.
        """
        self.group = group
        self._read_every_s = read_every_ms / 1_000
        self._from_entries = from_entries
        self._worker = worker
        self._settings = settings
        self._patience = worker.patience
        metrics.start_at_zero(group.name)
        self._stop = asyncio.Event()
        self._finished = asyncio.Event()
        self._renew_now = asyncio.Event()
        self._unsure = False  # A reply was lost, and entries may have come with it.
        # Leases that lapse while Redis is away are not their holders' fault: until this time, by
        # the loop's clock, they may not have noticed that it is back.
        self._judge_from = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish or hand back what is in flight."""
        async with asyncio.TaskGroup() as loops:
            reading = [
                loops.create_task(self._read(partitions)) for partitions in self.group.readers()
            ]
            reading.append(loops.create_task(self._take_over()))
            loops.create_task(self._reap())
            loops.create_task(self._report())
            loops.create_task(self._renew())
            await stop.wait()
            self._stop.set()
            loop = asyncio.get_running_loop()
            deadline = loop.time() + self._settings.drain_s
            loop.call_at(deadline, self._patience.given_up.set)
            # What a last read brought must be started before anything is finished.
            _, hanging = await asyncio.wait(reading, timeout=self._settings.drain_s)
            for read in hanging:
                read.cancel()
            await self._worker.finish(max(0.0, deadline - loop.time()))
            self._finished.set()
            self._renew_now.set()
        self._patience.given_up.set()
        # Where this fails, the lease and the reaper do it.
        with suppress(LogUnavailable, GroupMissing, TimeoutError):
            async with asyncio.timeout(_LEAVE_S):
                await self.group.leave()

    async def _read(self, partitions: Sequence[int]) -> None:
        while not self._stop.is_set():
            if self._worker.room() <= 0:
                await self._worker.has_room(self._stop)
                continue
            if self._unsure:
                await self._reliably(self._adopt)
            # At most `partitions` entries more than there is room for, however many readers.
            count = max(1, -(-self._worker.room() // len(self.group.partitions)))
            found = await self._reliably(partial(self.group.read, partitions, count, _BLOCK_MS))
            await self._start(found or [])
            if self._read_every_s and found and self._is_many(found, count):
                await self._gather()

    def _is_many(self, found: Sequence[Delivery], count: int) -> bool:
        return len(found) >= self._from_entries and not _holds_more(found, count)

    async def _gather(self) -> None:
        # By the clock, so that the readers of a cluster's partitions make one batch of it.
        every_s = self._read_every_s
        await pause(self._stop, every_s - asyncio.get_running_loop().time() % every_s)

    async def _start(self, deliveries: Sequence[Delivery]) -> None:
        if nothing_to_do := self._worker.start(deliveries):
            await self._reliably(partial(self.group.acknowledge, nothing_to_do))

    async def _adopt(self) -> None:
        self._unsure = False
        held = {delivery.place for delivery in self._worker.held()}
        await self._start(await self.group.recover_own(held))

    async def _take_over(self) -> None:
        # A replica that was not there cannot know that the clock went back meanwhile.
        await self._restart_waits(back=False)
        # Twice within the shortest wait, so that a retry is not late by more than half of it.
        tick_s = min(self._settings.backoff_base_ms / 2, 250) / 1_000
        while not self._stop.is_set():
            await pause(self._stop, tick_s)
            room = self._worker.room()
            if room > 0 and not self._stop.is_set():
                await self._reliably(partial(self._take, room))

    async def _take(self, room: int) -> None:
        settings = self._settings
        loop = asyncio.get_running_loop()
        settled_in = loop.time() > self._judge_from
        taken = await self.group.claim(
            most=max(1, -(-room // len(self.group.partitions))),
            lease_ms=settings.lease_ms if settled_in else None,
            backoff_base_ms=settings.backoff_base_ms,
            backoff_cap_ms=settings.backoff_cap_ms,
        )
        if taken.back_ms > settings.lease_ms / 2:
            logger.warning("the clock of Redis has gone back by %.0f s", taken.back_ms / 1_000)
            metrics.CLOCK_STEPS.inc()
            await self._restart_waits(back=True)
        if taken.late_ms > settings.lease_ms / 2:
            self._judge_from = loop.time() + settings.lease_ms / 2_000
        for delivery in taken.deliveries:
            why = "retry or lapsed lease" if delivery.entry_id else "due"
            metrics.series(metrics.TAKEN_OVER, self.group.name, why).inc()
        await self._start(taken.deliveries)
        if taken.vanished:
            await self._worker.forget(taken.vanished)

    async def _restart_waits(self, *, back: bool) -> None:
        lease_ms = self._settings.lease_ms
        await self._reliably(partial(self.group.restart_waits, lease_ms, back=back))

    async def _renew(self) -> None:
        leases, every_s = Leases(), self._settings.lease_ms / (3_000 * LOOKS)
        while not self._finished.is_set():
            await pause(self._renew_now, every_s)
            due = leases.due(self._worker.held(), every=self._renew_now.is_set())
            self._renew_now.clear()
            if due and not self._finished.is_set():
                lost = await self._reliably(partial(self.group.renew, due, self._settings.lease_ms))
                metrics.series(metrics.LEASES_LOST, self.group.name).inc(lost or 0)

    async def _reap(self) -> None:
        while not self._stop.is_set():
            await pause(self._stop, _SWEEP_S * random.uniform(0.5, 1))  # noqa: S311 - jitter
            if not self._stop.is_set():
                idle_ms = self._settings.lease_ms * _SWEEP_LEASES
                if gone := await self._reliably(partial(self.group.reap, idle_ms)):
                    logger.warning("swept the names of replicas that died: %s", ", ".join(gone))

    async def _report(self) -> None:
        while not self._stop.is_set():
            with suppress(LogUnavailable, GroupMissing):
                await report_backlog(self.group.log, self.group.name)
            await pause(self._stop, _REPORT_S)

    async def _reliably(self, attempt: Callable[[], Awaitable[T]]) -> T | None:
        """Run one exchange with Redis, mending what its absence broke."""
        refused = False
        try:
            return await attempt()
        except LogUnavailable as error:
            logger.warning("lost Redis: %s", error)
            self._unsure, refused = True, error.refused
        except GroupMissing:
            metrics.GROUPS_MISSING.labels(self.group.name).inc()
            logger.exception("a consumer group was gone; somebody deleted it or Redis lost data")
        with suppress(LogUnavailable):
            await self._patience(self.group.log.prepare)
        settling_s = max(self._settings.lease_ms / 2_000, 2 * LONGEST_PAUSE_S)
        self._judge_from = asyncio.get_running_loop().time() + settling_s
        if refused:  # It is there, and does other things than this one.
            until = self._finished if self._stop.is_set() else self._stop
            await pause(until, LONGEST_PAUSE_S * random.uniform(0.5, 1))  # noqa: S311 - jitter
        else:
            self._renew_now.set()
        return None


def _holds_more(found: Sequence[Delivery], count: int) -> bool:
    """Return whether a partition gave as many as were asked for."""
    return any(of_one >= count for of_one in Counter(d.partition for d in found).values())
