"""The queue of one client. Bounded: a client that does not read costs little."""

from __future__ import annotations

import asyncio
from collections import deque

# Close codes of RFC 6455 and its registry, and our own.
ENDED, GONE, BROKEN, LEAVING, TOO_SLOW = 1000, 1005, 1011, 1012, 1013
REVOKED = 4401
WRITE_S = 5.0  # A client that takes nothing for so long is given up.


class Outbox:
    """One client that follows orders: what waits to be sent to it, and when to close."""

    def __init__(self, room: int) -> None:
        """At most `room` pieces of news may wait for the client."""
        self.close_code: int | None = None
        self._room = room
        self._allowed = room  # More for as long as answers wait, so that they leave news room.
        self._dropped = False
        self._waiting: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    def push(self, news: bytes) -> None:
        """Queue what just happened. A client that lets too much wait is too slow, and dropped."""
        if len(self._waiting) >= self._allowed:
            self.drop(TOO_SLOW)
        else:
            self._queue(news)

    def answer(self, message: bytes) -> None:
        """Queue what the client asked for: a long history is no reason to call it slow."""
        self._allowed += 1
        self._queue(message)

    async def has_room(self) -> None:
        """Return once little enough waits for the client that it may ask for more."""
        while len(self._waiting) >= self._room:
            self._taken.clear()
            await self._taken.wait()

    def drop(self, code: int) -> None:
        """Close at once: what waits is not sent. The client can come back with `since`."""
        self.close(code)
        self._dropped = True
        self._waiting.clear()
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
        return self._waiting.popleft()

    def _queue(self, message: bytes) -> None:
        if not self._dropped:
            self._waiting.append(message)
            self._changed.set()
