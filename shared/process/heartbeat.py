"""Tell all gateways, once a second, that this replica lives and what it has counted."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from shared.clock import utc_now
from shared.observability import metrics
from shared.observability.counting import Counting
from shared.observability.replicas import Note
from shared.streams.errors import LogUnavailable
from shared.streams.figures.heartbeats import Heartbeats
from shared.streams.log.log import Log

logger = logging.getLogger(__name__)

_SECOND_MS: Final = 1_000
_SOONEST_MS: Final = 200
_QUIET_S: Final = 5.0  # A replica without work says so often enough not to be taken for dead.
_LEAVE_S: Final = 1.0
_STATM: Final = Path("/proc/self/statm")


@asynccontextmanager
async def beating(log: Log, service: str, name: str) -> AsyncIterator[None]:
    """Let a replica of a service be known under a name meanwhile; then it is forgotten."""
    heart = Heart(log, service, name)
    beats = asyncio.create_task(heart.beat_on())
    try:
        yield
    finally:
        beats.cancel()
        await asyncio.wait([beats])
        await heart.leave()


class Heart:
    """One replica's. What it cannot hand on, as Redis is away, it hands on with the next beat."""

    def __init__(self, log: Log, service: str, name: str) -> None:
        self._heartbeats = Heartbeats(log.client, log.keys.namespace)
        self._counting = Counting()
        self._delays = _Delays()
        self._service, self._name = service, name
        self._version, self._started_at = version("slipstream-engine"), utc_now()
        self._ahead_ms = 0.0  # Redis's clock, of the loop's.
        # Always at the same point of Redis's seconds, and not all replicas at once: or a second
        # would now and then have two beats of one replica, and the next none.
        self._phase_ms = 250 + crc32(name.encode()) % 500

    async def beat_on(self) -> None:
        """Beat every second in which something was counted, and every five, until cancelled."""
        now = asyncio.get_running_loop().time
        last_s = now() - _QUIET_S
        while True:
            counts = self._counting.take()
            if counts or now() - last_s >= _QUIET_S:
                last_s = now()
                await self.beat(counts)
            await asyncio.sleep(self._wait_ms(now()) / 1_000)

    async def beat(self, counts: dict[str, int]) -> None:
        """Beat once. Without Redis what was counted waits for the next time."""
        await self._hand_on(msgspec.json.encode(self._note()), counts)

    async def leave(self) -> None:
        """Hand on the last counts and be forgotten, unless that takes longer than a second."""
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._hand_on(b"", self._counting.take())
        except TimeoutError:
            logger.debug("%s left without a word: Redis does not answer", self._name)

    async def _hand_on(self, note: bytes, counts: dict[str, int]) -> None:
        try:
            redis_ms = await self._heartbeats.beat(self._name, note, counts)
        except LogUnavailable as error:
            # They are figures and no promise: what Redis may have counted is not added twice.
            if not error.maybe_applied:
                self._counting.give_back(counts)
            return
        self._ahead_ms = redis_ms - asyncio.get_running_loop().time() * 1_000

    def _wait_ms(self, now_s: float) -> float:
        wait_ms = (self._phase_ms - (now_s * 1_000 + self._ahead_ms)) % _SECOND_MS
        return wait_ms if wait_ms >= _SOONEST_MS else wait_ms + _SECOND_MS

    def _note(self) -> Note:
        return Note(
            service=self._service,
            version=self._version,
            started_at=self._started_at,
            loop_delay_ms=self._delays.mean_ms(),
            rss_bytes=_rss_bytes(),
        )


class _Delays:
    """Of the event loop, since they were asked for last."""

    def __init__(self) -> None:
        self._count, self._total_s, self._mean_ms = 0, 0.0, 0.0

    def mean_ms(self) -> float:
        series = metrics.LOOP_DELAY.labels()
        count, total_s = sum(series.counts()), series.total
        if count > self._count:
            mean_s = (total_s - self._total_s) / (count - self._count)
            self._mean_ms = round(1_000 * mean_s, 1)
        self._count, self._total_s = count, total_s
        return self._mean_ms


def _rss_bytes() -> int | None:
    """Return how much memory this process holds; None where the system does not say."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
