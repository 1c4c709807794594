"""Group commit: callers that come at the same time share one round trip.

A flush starts as soon as the previous one has returned. There is no timer, so an idle system
adds no latency and a busy one makes big batches by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_Waiting: TypeAlias = tuple[T, "asyncio.Future[R]", float]


class Full(Exception):
    """As many callers wait as may wait."""


class Coalescer(Generic[T, R]):
    """Hands items that arrive during one flush to the next, together."""

    def __init__(
        self,
        flush: Callable[[list[T]], Awaitable[list[R]]],
        *,
        limit: int = 100_000,
        batch: int = 1_000,
    ) -> None:
        """`flush` answers each item, in order. `limit` bounds waiting, `batch` one flush."""
        self._flush = flush
        self._limit = limit
        self._batch = batch
        self._waiting: list[_Waiting[T, R]] = []
        self._flushing: list[_Waiting[T, R]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        # Asked for once: each time costs a system call before Python 3.12.
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, item: T, *, until: float = math.inf) -> asyncio.Future[R]:
        """Return what becomes the answer to `item`, or whatever its flush raised.

        When the loop's clock says `until` it becomes a `TimeoutError` instead; the item may be
        flushed all the same. Raises `Full`.
        """
        if len(self._waiting) >= self._limit:
            raise Full(f"{self._limit} are waiting")
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future, until))
        if until < self._alarm_at:
            self._wake_at(until)
        if self._flusher is None:
            # In a context of its own: it serves everybody, and not who happened to come first.
            self._flusher = loop.create_task(self._run(), context=Context())
        return future

    def _wake_at(self, when: float) -> None:
        # One timer for all: to set one a caller, and take it off again, costs more than its item.
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = when
        self._alarm = asyncio.get_running_loop().call_at(when, self._give_up)

    def _give_up(self) -> None:
        now, self._alarm, self._alarm_at = asyncio.get_running_loop().time(), None, math.inf
        soonest = math.inf
        for _, future, until in itertools.chain(self._flushing, self._waiting):
            if future.done():
                continue
            if until <= now:
                future.set_exception(TimeoutError())
            else:
                soonest = min(soonest, until)
        if soonest < math.inf:
            self._wake_at(soonest)

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
            self._flushing = batch
            await self._answer(batch)
            self._flushing = []
        self._flusher = None

    async def _answer(self, batch: list[_Waiting[T, R]]) -> None:
        futures = [future for _, future, _ in batch]
        try:
            answers = await self._flush([item for item, _, _ in batch])
            answered = list(zip(futures, answers, strict=True))
        except Exception as error:  # noqa: BLE001 - it is handed to every caller
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in answered:
            if not future.done():  # Its caller may have been cancelled meanwhile.
                future.set_result(answer)
