"""Look at this process and its servers again and again, for metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable
from shared.observability import metrics
from shared.streams.errors import LogUnavailable
from shared.streams.redis.client import Client
from shared.streams.redis.server_info import server_health

logger = logging.getLogger(__name__)

_LOOK_S, _LOOK_AGAIN_S = 5.0, 1.0
_DEADLINE_S = 3.0
_BEAT_S = 0.5


async def watch_redis(client: Client) -> None:
    """Note how Redis is every few seconds, until cancelled."""
    while True:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_DEADLINE_S):
                found = await server_health(client)
        except (LogUnavailable, TimeoutError):
            metrics.SERVER_UP.labels("redis").set(0)
        else:
            _answered("redis", began)
            metrics.REDIS_MEMORY.set(found.memory_used)
            metrics.REDIS_DURABLE.set(found.append_only)
            metrics.REDIS_EVICTED.set(found.evicted_keys)
        await asyncio.sleep(_LOOK_S)


async def watch_postgres(archive: Archive, look: Callable[[], Awaitable[None]]) -> None:
    """Note every few seconds whether `look` finds Postgres fit, until cancelled."""
    told = ""
    while True:
        began, why = time.perf_counter(), ""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await look()
        except (ArchiveUnavailable, TimeoutError) as error:
            metrics.SERVER_UP.labels("postgres").set(0)
            why = str(error) if isinstance(error, ArchiveUnusable) else ""
        else:
            _answered("postgres", began)
        if why and why != told:
            logger.warning("Postgres cannot be used: %s", why)
        told = why
        for state, count in archive.connections().items():
            metrics.POSTGRES_CONNECTIONS.labels(state).set(count)
        await asyncio.sleep(_LOOK_AGAIN_S if why else _LOOK_S)


def _answered(server: str, began: float) -> None:
    metrics.SERVER_UP.labels(server).set(1)
    metrics.SERVER_SECONDS.labels(server).observe(time.perf_counter() - began)


async def watch_loop() -> None:
    """Note how late the event loop is, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _BEAT_S
        await asyncio.sleep(_BEAT_S)
        metrics.LOOP_DELAY.observe(max(0.0, loop.time() - due))
