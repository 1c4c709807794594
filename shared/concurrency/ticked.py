"""One read serves all that ask within a tick."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


class _Held(NamedTuple, Generic[R]):
    read: asyncio.Task[R]
    until: float


class Ticked(Generic[K, R]):
    """Keeps what was read about each key for a while. A read that failed is kept for nobody."""

    def __init__(
        self, read: Callable[[K], Awaitable[R]], tick_s: float, *, limit: int = 10_000
    ) -> None:
        """`tick_s` counts from the start of a read; at most `limit` keys are kept."""
        self._read = read
        self._tick_s = tick_s
        self._limit = limit
        self._held: dict[K, _Held[R]] = {}

    async def __call__(self, key: K) -> R:
        """Return what was read about a key within this tick, or else read it now."""
        now = asyncio.get_running_loop().time()
        held = self._held.get(key)
        if held is None or held.until < now or _failed(held.read):
            self._make_room(now)
            # In a context of its own: it reads for everybody, and whoever began it may leave.
            read = asyncio.create_task(_awaited(self._read, key), context=Context())
            read.add_done_callback(_failed)
            held = self._held[key] = _Held(read, now + self._tick_s)
        return await asyncio.shield(held.read)

    def _make_room(self, now: float) -> None:
        if len(self._held) >= self._limit:
            self._held = {key: held for key, held in self._held.items() if held.until >= now}
        if len(self._held) >= self._limit:
            self._held.clear()


async def _awaited(read: Callable[[K], Awaitable[R]], key: K) -> R:
    return await read(key)


def _failed(read: asyncio.Task[R]) -> bool:
    return read.done() and (read.cancelled() or read.exception() is not None)
