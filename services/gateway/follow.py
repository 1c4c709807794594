"""Follow orders without a gap: every client sees every event once and in order.

A follower is brought up to date from the history, then fed live. It takes an update only if it
is the very next one, so it does not matter how often an update comes or whether the history or
the live link brings it. An update that is further on reveals a gap, which the history fills.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from shared.orders.codec import MalformedEvent
from shared.orders.states import END_STATUSES
from shared.orders.view import public_json

# Close codes of RFC 6455 and its registry.
ENDED, GONE, BROKEN, LEAVING, TOO_SLOW = 1000, 1005, 1011, 1012, 1013


class Update(NamedTuple):
    """A public event, and what following needs to know of it."""

    version: int
    ended: bool  # Whether the order was at its end once this had happened.
    message: bytes


class _Public(msgspec.Struct):
    status: str
    version: int


class _Stored(msgspec.Struct):
    type: str


_public = msgspec.json.Decoder(_Public)
_stored = msgspec.json.Decoder(_Stored)


def read_update(message: bytes) -> Update:
    """Return the public event that `message` holds. Raises `MalformedEvent`."""
    try:
        event = _public.decode(message)
    except msgspec.DecodeError as error:
        raise MalformedEvent(str(error)) from None
    return Update(event.version, event.status in END_STATUSES, message)


def public_history(history: Sequence[bytes]) -> list[bytes]:
    """Return the events of a history as clients may see them. Raises `MalformedEvent`."""
    try:
        return [public_json(_stored.decode(raw).type, raw) for raw in history]
    except msgspec.DecodeError as error:
        raise MalformedEvent(str(error)) from None


class Follower:
    """One client's place in one order's history, and what is waiting to be sent to it."""

    def __init__(self, order_id: str, since: int, room: int) -> None:
        """`since` is the version the client has; at most `room` live messages wait for it."""
        self.order_id = order_id
        self.position = since
        self.close_code: int | None = None
        self._room = room
        self._dropped = False
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def catch_up(self, history: Iterable[Update]) -> None:
        """Queue what the client has not had of a whole history."""
        for update in history:
            self._take(update)

    def feed(self, update: Update) -> bool:
        """Queue a live update. Return False when one before it is missing."""
        if update.version > self.position + 1:
            return False
        if update.version == self.position + 1 and len(self._waiting) >= self._room:
            self.drop(TOO_SLOW)
        else:
            self._take(update)
        return True

    def reply(self, message: bytes) -> None:
        """Queue an answer to what the client said."""
        if len(self._waiting) >= self._room:
            self.drop(TOO_SLOW)
        else:
            self._queue(message)

    def drop(self, code: int) -> None:
        """Close at once: what waits is not sent. The client can come back with `since`."""
        self.close(code)
        self._dropped = True
        self._waiting.clear()

    def close(self, code: int) -> None:
        """Close once what waits is sent. The first code stands."""
        if self.close_code is None:
            self.close_code = code
        self._wake.set()

    async def next(self) -> bytes | None:
        """Return the next message to send, or None when it is time to close."""
        while not self._waiting:
            if self.close_code is not None:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    def _take(self, update: Update) -> None:
        if update.version == self.position + 1:
            self.position = update.version
            self._queue(update.message)
        if update.ended and update.version <= self.position:
            self.close(ENDED)

    def _queue(self, message: bytes) -> None:
        if not self._dropped:
            self._waiting.append(message)
            self._wake.set()
