"""One timer for many that wait equally long.

Whatever was first to wait is first to have waited enough, so only that one has a timer: to set one
each, and take it off again, costs as much as many a call that it watches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar


class Waits(Protocol):
    """Something that waits until a time by the loop's clock, or is done before."""

    @property
    def until(self) -> float:
        """Return when it has waited enough."""
        ...

    @property
    def waits(self) -> bool:
        """Return whether it still does."""
        ...

    def time_is_up(self) -> None:
        """Do what is to be done then."""
        ...


W = TypeVar("W", bound=Waits)


class OneTimer(Generic[W]):
    """Tells each of those that are added when its time is up, unless it waits no more."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: deque[W] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, one: W) -> None:
        """Watch one that waits no less long than those before it."""
        self._waiting.append(one)
        if self._timer is None:
            self._timer = self.loop.call_at(one.until, self._look)

    def _look(self) -> None:
        self._timer, now = None, self.loop.time()
        while self._waiting:
            first = self._waiting[0]
            if first.waits and first.until > now:
                self._timer = self.loop.call_at(first.until, self._look)
                return
            self._waiting.popleft()
            if first.waits:
                first.time_is_up()
