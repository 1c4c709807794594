"""Group commit: callers that come at the same time share one round trip.

A flush starts as soon as the previous one has returned. There is no timer, so an idle system
adds no latency and a busy one makes big batches by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


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
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        """Return the answer to `item`. Raises `Full`, or whatever its flush raised."""
        if len(self._waiting) >= self._limit:
            raise Full(f"{self._limit} are waiting")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
            await self._answer(batch)
        self._flusher = None

    async def _answer(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        futures = [future for _, future in batch]
        try:
            answers = await self._flush([item for item, _ in batch])
            answered = list(zip(futures, answers, strict=True))
        except Exception as error:  # noqa: BLE001 - it is handed to every caller
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in answered:
            if not future.done():  # Its caller may have been cancelled meanwhile.
                future.set_result(answer)
