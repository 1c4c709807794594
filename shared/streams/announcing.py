"""Events that only tell what is being done: they wait a moment for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shared.concurrency.timers import OneTimer
from shared.orders.events import OrderEvent
from shared.streams.log.appends import Settled

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

    def time_is_up(self) -> None:
        """Send it on its way, if it is held back."""
        if self.take_back():
            self._sent = self._send(self)

    def take_back(self) -> bool:
        """Return whether it was held back until now, and is the caller's to append."""
        waited, self._waits = self._waits, False
        return waited

    async def told(self) -> Settled:
        """Return what became of it, at once if it was held back."""
        self.time_is_up()
        assert self._sent is not None  # noqa: S101 - for the type checker
        return await self._sent

    def drop(self) -> None:
        """Let go: nobody asks any more what becomes of it."""
        if not self.take_back() and self._sent is not None:
            self._sent.add_done_callback(lambda sent: sent.cancelled() or sent.exception())


class Announcer:
    """Holds announcements back, each as long as the others."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer: OneTimer[Announcement] = OneTimer(loop)

    def hold(
        self,
        before: OrderEvent,
        events: Sequence[OrderEvent],
        send: Callable[[Announcement], asyncio.Future[Settled]],
    ) -> Announcement:
        """Return an announcement that goes by itself, with `send`, once it has waited enough."""
        told = Announcement(before, events, send, self._timer.loop.time() + _HOLD_S)
        self._timer.add(told)
        return told
