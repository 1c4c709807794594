"""One timer for many that wait equally long, and one deadline for many calls at once.

The first to wait is the first to have waited enough, so only that one has a timer: setting a timer
for each, and taking it off again, costs as much as many a call that it watches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar


class Deadlined(Protocol):
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


W = TypeVar("W", bound=Deadlined)


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


class Deadline:
    """Gives each call the same time, as `asyncio.timeout` does, with one timer for them all."""

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        # The loop is asked for once: each time costs a system call before Python 3.12.
        self._timer: OneTimer[_Call] | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of its calls."""
        return self.timer.loop

    @property
    def timer(self) -> OneTimer[_Call]:
        """Return what watches its calls."""
        if self._timer is None:
            self._timer = OneTimer(asyncio.get_running_loop())
        return self._timer

    def __call__(self) -> _Call:
        """Return what to enter around a call; `TimeoutError` ends one that takes too long."""
        return _Call(self)


class _Call:
    """One call; entered by the task that makes it."""

    __slots__ = ("_cancelled_before", "_deadline", "_task", "_timed_out", "until", "waits")

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._task: asyncio.Task[object] | None = None
        self._cancelled_before = 0
        self._timed_out = False
        self.waits = False
        self.until = 0.0

    def __enter__(self) -> Self:
        timer = self._deadline.timer
        self._task = task = asyncio.current_task(timer.loop)
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._cancelled_before = task.cancelling()
        self.until = timer.loop.time() + self._deadline.after_s
        self.waits = True
        timer.add(self)
        return self

    def time_is_up(self) -> None:
        """Cancel the call."""
        if self._task is not None:
            self._timed_out = True
            self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.waits, task, self._task = False, self._task, None
        if task is None or not self._timed_out:
            return
        # Somebody else may have cancelled the task as well, and must not be kept from it.
        others = task.uncancel() > self._cancelled_before
        if kind is asyncio.CancelledError and not others:
            raise TimeoutError from error
