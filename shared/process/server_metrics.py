"""Look at this process and its servers again and again, for metrics."""

from __future__ import annotations

import asyncio
import time

from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.observability import metrics
from shared.streams.errors import LogUnavailable
from shared.streams.redis.client import Client
from shared.streams.redis.server_info import server_health

_LOOK_S = 5.0
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


async def watch_postgres(archive: Archive) -> None:
    """Note whether Postgres answers every few seconds, until cancelled."""
    while True:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await archive.ping()
        except (ArchiveUnavailable, TimeoutError):
            metrics.SERVER_UP.labels("postgres").set(0)
        else:
            _answered("postgres", began)
        for state, count in archive.connections().items():
            metrics.POSTGRES_CONNECTIONS.labels(state).set(count)
        await asyncio.sleep(_LOOK_S)


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
