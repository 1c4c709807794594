"""One deadline for many calls at once."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Self


class Deadline:
    """Gives each call the same time, as `asyncio.timeout` does, with one timer for them all.

    Calls come to their deadlines in the order in which they began. So only the first of them has a
    timer; to set one a call, and take it off again, costs as much as many a call.
    """

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self._calls: deque[_Call] = deque()
        self._timer: asyncio.TimerHandle | None = None
        # Asked for once: each time costs a system call before Python 3.12.
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of its calls."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def __call__(self) -> _Call:
        """Return what to enter around a call; `TimeoutError` ends one that takes too long."""
        return _Call(self)

    def began(self, call: _Call) -> None:
        """Watch a call until it is over."""
        self._calls.append(call)
        if self._timer is None:
            self._timer = self.loop.call_at(call.until, self._look)

    def _look(self) -> None:
        self._timer, now = None, self.loop.time()
        while self._calls:
            call = self._calls[0]
            if call.running and call.until > now:
                self._timer = self.loop.call_at(call.until, self._look)
                return
            self._calls.popleft().end()


class _Call:
    """One call; entered by the task that makes it."""

    __slots__ = ("_cancelled_before", "_deadline", "_task", "_timed_out", "running", "until")

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._task: asyncio.Task[object] | None = None
        self._cancelled_before = 0
        self._timed_out = False
        self.running = False
        self.until = 0.0

    def __enter__(self) -> Self:
        loop = self._deadline.loop
        self._task = task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._cancelled_before = task.cancelling()
        self.until = loop.time() + self._deadline.after_s
        self.running = True
        self._deadline.began(self)
        return self

    def end(self) -> None:
        """Cancel the call, unless it is over."""
        if self.running and self._task is not None:
            self._timed_out = True
            self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.running, task, self._task = False, self._task, None
        if task is None or not self._timed_out:
            return
        # Somebody else may have cancelled the task as well, and must not be kept from it.
        others = task.uncancel() > self._cancelled_before
        if kind is asyncio.CancelledError and not others:
            raise TimeoutError from error
