"""Go on where a follower was: what it has missed comes from the log, then the feed takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from services.gateway.streaming.cursor import Cursor
from services.gateway.streaming.feed import GATHER_S, Feed
from services.gateway.streaming.followers import (
    NOT_ON_THE_LOG,
    UNREADABLE,
    Follower,
    Lost,
    lost_since,
)
from services.gateway.streaming.news import News, parts
from services.gateway.streaming.reading import Reader
from shared.observability.metrics import STREAM_RESUMES
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.log.tail import Entry, Gone, Tail

_MOST = 100  # Entries of a partition that are read at a time.
_READERS = 4  # That may read the past at a time, each a page; the present must not wait for them.
_NOTED = 64  # News that may come while a follower reads the past; with more, it reads these, too.
_LAPS = 10_000  # Ends what is without an end.


class _Meanwhile:
    """Stands in the feed for a follower that still reads the past, and notes what comes."""

    def __init__(self, follower: Follower) -> None:
        self.wants_rows = follower.wants_rows
        self.overflowed = False
        self._noted: list[Callable[[Follower], None]] = []

    def forget(self) -> None:
        """Forget what was noted."""
        self.overflowed = False
        self._noted.clear()

    def tell(self, follower: Follower) -> None:
        """Tell a follower what was noted."""
        for say in self._noted:
            say(follower)

    def open(self, epoch: str, cursor: str) -> None:
        """Do nothing: the follower begins elsewhere."""

    def take(self, news: News) -> None:
        """Note news."""
        self._note(lambda follower: follower.take(news))

    def recall(self, news: News) -> None:
        """Note news."""
        self.take(news)

    def lose(self, lost: Lost, epoch: str, cursor: str) -> None:
        """Note a loss."""
        self._note(lambda follower: follower.lose(lost, epoch, cursor))

    def rest(self, cursor: str) -> None:
        """Do nothing: there is enough to be said."""

    def leave(self) -> None:
        """Do nothing: what was noted is still to be told."""

    def _note(self, say: Callable[[Follower], None]) -> None:
        if len(self._noted) >= _NOTED:
            self.overflowed = True
        else:
            self._noted.append(say)


class Resuming:
    """Brings followers from their cursors to where the feed is."""

    def __init__(self, log: Log, reader: Reader, feed: Feed, doubt: Callable[[], str]) -> None:
        """While `doubt` says why, no place in the log proves anything."""
        self._tail = Tail(log)
        self._reader = reader
        self._feed = feed
        self._doubt = doubt
        self._reading = asyncio.Semaphore(_READERS)

    async def resume(
        self, follower: Follower, cursor: Cursor, room: Callable[[], Awaitable[None]]
    ) -> None:
        """Tell a follower all that lies behind a cursor, and from then on what the feed tells.

        `room` returns once the client has taken most of what it was told. Raises `ServerAway`.
        """
        STREAM_RESUMES.inc()
        meanwhile = _Meanwhile(follower)
        try:
            start = await self._feed.join(meanwhile)
            # One from ahead of our clock would date a loss so that nobody found what was lost.
            cursor = cursor._replace(at_ms=min(cursor.at_ms, start.at_ms))
            follower.open(start.epoch, cursor.encode())
            at, unproven = cursor, set(range(len(cursor.places)))
            if cursor.epoch != start.epoch or self._doubt():
                at, unproven = start, set()
                follower.lose(lost_since(cursor.at_ms, NOT_ON_THE_LOG), at.epoch, at.encode())
            for _ in range(_LAPS):
                at = await self._read_on(follower, at, start, unproven, room)
                unproven.clear()
                if at.places == start.places and not meanwhile.overflowed:
                    self._feed.replace(meanwhile, follower)
                    meanwhile.tell(follower)
                    return
                if at.places != start.places:  # Another gateway was ahead of this one's feed.
                    await asyncio.sleep(GATHER_S)
                meanwhile.forget()
                start = self._feed.at or start
            raise LogUnavailable("the end of the log is out of reach", maybe_applied=False)
        finally:
            self._feed.leave(meanwhile)

    async def _read_on(
        self,
        follower: Follower,
        at: Cursor,
        start: Cursor,
        unproven: set[int],
        room: Callable[[], Awaitable[None]],
    ) -> Cursor:
        """Tell what lies between a cursor and where the feed is; return the cursor behind.

        Of the `unproven` partitions it is not known yet whether the log goes back so far.
        """
        upto = tuple(map(max, at.places, start.places))
        while True:
            behind = [p for p, place in enumerate(at.places) if p in unproven or place < upto[p]]
            if not behind:
                return at
            async with self._reading:
                try:
                    places = {p: at.places[p] for p in behind}
                    found = await self._tail.read(places, _MOST, upto)
                except Gone as gone:
                    unproven -= set(gone.partitions)  # The feed finds out about its own place.
                    at = at.moved({p: start.places[p] for p in gone.partitions})
                    upto = tuple(map(max, at.places, start.places))
                    lost = lost_since(at.at_ms, NOT_ON_THE_LOG)
                    follower.lose(lost, at.epoch, at.encode())
                    continue
            unproven.clear()
            at = await self._tell(follower, at, found, room)
            at = at.moved({p: upto[p] for p in found if len(found[p]) < _MOST})

    async def _tell(
        self,
        follower: Follower,
        at: Cursor,
        found: Mapping[int, Sequence[Entry]],
        room: Callable[[], Awaitable[None]],
    ) -> Cursor:
        for runs in parts(found):
            await room()
            read = await self._reader.news(at, runs, rows=follower.wants_rows)
            at = read.at
            follower.recall(read.news)
            if not read.is_whole:
                follower.lose(lost_since(at.at_ms, UNREADABLE), at.epoch, at.encode())
        return at
