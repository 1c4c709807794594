"""Events that only tell what is being done: they wait a moment for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shared.orders.events import OrderEvent
from shared.streams.appends import Settled

_HOLD_S = 0.005  # A step that takes longer is worth a word of its own.


class Announcement:
    """Events of one order that are held back, or else on their way to the log.

    `before` is the last event that is on the log.
    """

    __slots__ = ("_send", "_sent", "_timer", "before", "events")

    def __init__(
        self,
        before: OrderEvent,
        events: Sequence[OrderEvent],
        send: Callable[[Announcement], asyncio.Future[Settled]],
    ) -> None:
        self.before = before
        self.events = events
        self._send = send
        self._sent: asyncio.Future[Settled] | None = None
        self._timer = asyncio.get_running_loop().call_later(_HOLD_S, self._go)

    def _go(self) -> None:
        self._sent = self._send(self)

    def take_back(self) -> bool:
        """Return whether it was held back until now, and is the caller's to append."""
        self._timer.cancel()
        return self._sent is None

    async def told(self) -> Settled:
        """Return what became of it, at once if it was held back."""
        if self.take_back():
            self._go()
        assert self._sent is not None  # noqa: S101 - for the type checker
        return await self._sent

    def drop(self) -> None:
        """Let go: nobody asks any more what becomes of it."""
        if not self.take_back() and self._sent is not None:
            self._sent.add_done_callback(lambda sent: sent.cancelled() or sent.exception())
