"""The one reader of the log for all who follow accounts on this gateway; idle without any."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence

from services.gateway.streaming.cursor import Cursor
from services.gateway.streaming.followers import NOT_ON_THE_LOG, UNREADABLE, Follower, lost_since
from services.gateway.streaming.news import Run, parts
from services.gateway.streaming.reading import Reader
from shared.clock import Clock, utc_now
from shared.concurrency.pause import backoff
from shared.errors import ServerAway
from shared.observability.metrics import STREAM_FOLLOWERS
from shared.streams.log.epoch import epoch_of
from shared.streams.log.log import Log
from shared.streams.log.tail import Entry, Gone, Tail

logger = logging.getLogger(__name__)

QUIET_S = 5.0  # Between two signs of life; proxies cut connections that say nothing for a minute.
GATHER_S = 0.02  # What comes within a moment costs one read, and one message a follower.
_WAIT_S = 1.0
_MOST = 250  # Entries of a partition that are read at a time.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


class Feed:
    """Hands what comes to the log to everybody who follows an account here."""

    def __init__(self, log: Log, reader: Reader, clock: Clock = utc_now) -> None:
        self._log = log
        self._tail = Tail(log)
        self._reader = reader
        self._clock = clock
        self._followers: set[Follower] = set()
        self._followed = asyncio.Event()
        self._opening = asyncio.Lock()
        self._at: Cursor | None = None  # None while nobody follows.

    async def join(self, follower: Follower) -> Cursor:
        """Tell a follower what happens from now on; return where that is. Raises `ServerAway`."""
        async with self._opening:
            at = self._at or await self._begin()
        self._at = at
        follower.open(at.epoch, at.encode())
        self._add(follower)
        return at

    def replace(self, one: Follower, other: Follower) -> None:
        """Tell a follower what another one would have been told from here on."""
        self.leave(one)
        self._add(other)

    def leave(self, follower: Follower) -> None:
        """Tell a follower nothing more."""
        follower.leave()
        self._followers.discard(follower)
        STREAM_FOLLOWERS.set(len(self._followers))

    @property
    def at(self) -> Cursor | None:
        """Return what was told so far; None while nobody follows."""
        return self._at

    async def run(self) -> None:
        """Tell everybody what happens, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_forever())
            group.create_task(self._rest_forever())

    def _add(self, follower: Follower) -> None:
        self._followers.add(follower)
        self._followed.set()
        STREAM_FOLLOWERS.set(len(self._followers))

    async def _begin(self) -> Cursor:
        at_ms = self._now_ms()
        return Cursor(await epoch_of(self._log), at_ms, await self._tail.end())

    def _now_ms(self) -> int:
        return int(self._clock().timestamp() * 1_000)

    async def _read_forever(self) -> None:
        pauses = backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            await self._followed.wait()
            at = self._at
            if at is None or not self._followers:
                self._at = None
                self._followed.clear()
                continue
            try:
                await self._read_on(at)
                pauses = backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
            except ServerAway as error:
                logger.warning("accounts are followed no further for now: %s", error)
                await asyncio.sleep(next(pauses))

    async def _rest_forever(self) -> None:
        while True:
            await asyncio.sleep(QUIET_S)
            if self._at and self._followers:
                cursor = self._at.encode()
                for follower in list(self._followers):
                    follower.rest(cursor)

    async def _read_on(self, at: Cursor) -> None:
        partitions = await self._tail.wait(at.places, _WAIT_S)
        await asyncio.sleep(GATHER_S)
        at_ms = self._now_ms()
        if at_ms - at.at_ms >= _WAIT_S * 1_000:  # A look at everything.
            partitions = range(len(at.places))
            if await epoch_of(self._log) != at.epoch:
                await self._lose(at, partitions)
                return
        try:
            found = await self._tail.read({p: at.places[p] for p in partitions}, _MOST)
        except Gone as gone:
            await self._lose(at, gone.partitions)
            return
        at = await self._tell(at, found)
        if len(partitions) == len(at.places):
            at = at._replace(at_ms=at_ms)  # All are proven to have come so far.
        self._at = at

    async def _tell(self, at: Cursor, found: Mapping[int, list[Entry]]) -> Cursor:
        for runs in parts(found):
            at = await self._tell_some(at, runs)
        return at

    async def _tell_some(self, at: Cursor, runs: Sequence[Run]) -> Cursor:
        rows = self._rows_are_wanted()
        read = await self._reader.news(at, runs, rows=rows)
        if not rows and self._rows_are_wanted():  # By one who joined meanwhile.
            read = await self._reader.news(at, runs, rows=True)
        # Nothing waits from here on: all followers began before these entries.
        self._at = read.at
        if read.news:
            for follower in list(self._followers):
                follower.take(read.news)
        if not read.is_whole:  # Whose it is cannot be told either, so everybody looks.
            self._tell_lost(at.at_ms, UNREADABLE, read.at)
        return read.at

    def _rows_are_wanted(self) -> bool:
        return any(follower.wants_rows for follower in self._followers)

    async def _lose(self, at: Cursor, gone: Collection[int]) -> None:
        now = await self._begin()
        self._reader.forget()
        lost = gone if now.epoch == at.epoch else range(len(at.places))
        self._at = now._replace(places=at.moved({p: now.places[p] for p in lost}).places)
        self._tell_lost(at.at_ms, NOT_ON_THE_LOG, self._at)

    def _tell_lost(self, since_ms: int, why: str, at: Cursor) -> None:
        lost, cursor = lost_since(since_ms, why), at.encode()
        for follower in list(self._followers):
            follower.lose(lost, at.epoch, cursor)
