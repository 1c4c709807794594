"""Events that only tell what is being done: they wait a moment for what comes of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from shared.orders.events import OrderEvent
from shared.streams.appends import Settled

# A step that takes longer is worth a word of its own. A busy replica has hundreds of steps under
# way, and comes back to each of them within this time.
_HOLD_S = 0.1


class Announcement:
    """Events of one order that are held back, or else on their way to the log.

    `before` is the last event that is on the log.
    """

    __slots__ = ("_send", "_sent", "_waits", "before", "events", "until")

    def __init__(
        self,
        before: OrderEvent,
        events: Sequence[OrderEvent],
        send: Callable[[Announcement], asyncio.Future[Settled]],
        until: float,
    ) -> None:
        self.before = before
        self.events = events
        self.until = until  # By the loop's clock.
        self._send = send
        self._sent: asyncio.Future[Settled] | None = None
        self._waits = True

    @property
    def waits(self) -> bool:
        """Return whether it is held back."""
        return self._waits

    def go(self) -> None:
        """Send it on its way, if it is held back."""
        if self.take_back():
            self._sent = self._send(self)

    def take_back(self) -> bool:
        """Return whether it was held back until now, and is the caller's to append."""
        waited, self._waits = self._waits, False
        return waited

    async def told(self) -> Settled:
        """Return what became of it, at once if it was held back."""
        self.go()
        assert self._sent is not None  # noqa: S101 - for the type checker
        return await self._sent

    def drop(self) -> None:
        """Let go: nobody asks any more what becomes of it."""
        if not self.take_back() and self._sent is not None:
            self._sent.add_done_callback(lambda sent: sent.cancelled() or sent.exception())


class Announcer:
    """Holds announcements back, with one timer for them all: each waits as long as the others."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: deque[Announcement] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def hold(
        self,
        before: OrderEvent,
        events: Sequence[OrderEvent],
        send: Callable[[Announcement], asyncio.Future[Settled]],
    ) -> Announcement:
        """Return an announcement that goes by itself, with `send`, once it has waited enough."""
        told = Announcement(before, events, send, self._loop.time() + _HOLD_S)
        self._held.append(told)
        if self._timer is None:
            self._timer = self._loop.call_at(told.until, self._look)
        return told

    def _look(self) -> None:
        self._timer, now = None, self._loop.time()
        while self._held:
            first = self._held[0]
            if first.waits and first.until > now:
                self._timer = self._loop.call_at(first.until, self._look)
                return
            self._held.popleft().go()
