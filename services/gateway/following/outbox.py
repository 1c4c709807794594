"""The queue of one client. Bounded: a client that does not read costs little."""

from __future__ import annotations

import asyncio
from collections import deque

# Close codes of RFC 6455 and its registry, and our own.
ENDED, GONE, BROKEN, LEAVING, TOO_SLOW = 1000, 1005, 1011, 1012, 1013
REVOKED = 4401
WRITE_S = 5.0  # A client that takes nothing for so long is given up.
MOST_BYTES = 4_194_304  # Of news that wait for one client, however few they are.


class Outbox:
    """One client that follows orders: what waits to be sent to it, and when to close."""

    def __init__(self, room: int) -> None:
        """At most `room` pieces of news may wait for the client."""
        self.close_code: int | None = None
        self._room = room
        self._allowed = room  # More for as long as answers wait, so that they leave news room.
        self._dropped = False
        self._waiting: deque[bytes] = deque()
        self._sizes: deque[int] = deque()  # Of news, in bytes; 0 for an answer.
        self._news_bytes = 0
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    def push(self, news: bytes) -> None:
        """Queue what just happened. A client that lets too much wait is too slow, and dropped."""
        if len(self._waiting) >= self._allowed or self._news_bytes >= MOST_BYTES:
            self.drop(TOO_SLOW)
        else:
            self._queue(news, len(news))

    def answer(self, message: bytes) -> None:
        """Queue what the client asked for: a long history is no reason to call it slow."""
        self._allowed += 1
        self._queue(message, 0)

    async def has_room(self, most: int | None = None) -> None:
        """Return once little enough waits for the client that it may ask for more.

        That is less than `most` messages, or the room for news.
        """
        while len(self._waiting) >= (most or self._room):
            self._taken.clear()
            await self._taken.wait()

    def drop(self, code: int) -> None:
        """Close at once: what waits is not sent. The client can come back with `since`."""
        self.close(code)
        self._dropped = True
        self._waiting.clear()
        self._sizes.clear()
        self._news_bytes = 0
        self._taken.set()

    def close(self, code: int) -> None:
        """Close once what waits is sent. The first code stands."""
        if self.close_code is None:
            self.close_code = code
        self._changed.set()

    async def next(self) -> bytes | None:
        """Return the next message to send, or None when it is time to close."""
        while not self._waiting:
            if self.close_code is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        self._allowed = max(self._room, self._allowed - 1)
        self._taken.set()
        self._news_bytes -= self._sizes.popleft()
        return self._waiting.popleft()

    def _queue(self, message: bytes, news_bytes: int) -> None:
        if not self._dropped:
            self._waiting.append(message)
            self._sizes.append(news_bytes)
            self._news_bytes += news_bytes
            self._changed.set()
