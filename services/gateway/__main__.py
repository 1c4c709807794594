"""Start a gateway: `python -m slipstream_engine services.gateway`."""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from services.gateway.access.api_keys import BadKeys, access_for, keep_current
from services.gateway.access.callers import Access
from services.gateway.app import create_app
from services.gateway.server.bounded_http import BoundedProtocol, Bounds
from services.gateway.server.fair_websocket import Compressed, FairProtocol
from services.gateway.server.fast_sockets import FastSockets
from services.gateway.server.fast_submit import FastSubmit
from services.gateway.server.starting import Starting
from services.gateway.wiring import Parts
from shared.archive.archive import Archive
from shared.process.chain import service_chain
from shared.process.heartbeat import beating
from shared.process.listening import authority, bind
from shared.process.runtime import run_service, until_available
from shared.process.server_metrics import watch_postgres, watch_redis
from shared.settings import GatewaySettings, replica_name
from shared.streams.log.log import Log

logger = logging.getLogger(__name__)

_LARGEST_MESSAGE = 65_536  # Bytes a client may send at once.
_KEEP_ALIVE_S = 75
_OWN_FILES = 128  # Kept for Redis, PostgreSQL and files: clients never get so far as to take them.


class Server(uvicorn.Server):
    """A server that leaves signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def main(settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Serve until told to stop; then send everybody elsewhere and finish what is in flight."""
    access = _access(settings)
    async with AsyncExitStack() as stack:
        # First of all, so that a port that is taken is told at once.
        listener = stack.enter_context(bind(settings.http_host, settings.http_port))
        door = await stack.enter_async_context(serving(listener, settings))
        tell = door.starting.tell
        log = await until_available(partial(Log.open, settings), stop, "Redis", tell)
        if log is None:
            return
        stack.push_async_callback(log.close)
        archive = await Archive.open(settings.database_url)
        stack.push_async_callback(archive.close)
        chain = await stack.enter_async_context(service_chain(settings))
        parts = Parts.make(log, archive, settings, access, chain)
        await parts.lost_writes.look()
        await serve(door, parts, settings, stop)


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients come in: to an application that can be set, until it is closed."""

    starting: Starting
    address: tuple[str, int]
    close: Callable[[], Awaitable[None]]


@asynccontextmanager
async def serving(listener: socket.socket, settings: GatewaySettings) -> AsyncIterator[Door]:
    """Answer on a bound socket, at first that there is no gateway yet."""
    starting = Starting()
    server = Server(_config(starting, settings))
    listener.listen(server.config.backlog)  # Who comes now waits, and is not turned away.
    running = asyncio.create_task(server.serve(sockets=[listener]))

    async def close() -> None:
        server.should_exit = True
        await running

    try:
        yield Door(starting, listener.getsockname()[:2], close)
    finally:
        await close()


async def serve(door: Door, parts: Parts, settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Serve behind a door until told to stop; then close it."""
    async with beating(parts.log, "gateway", replica_name()), asyncio.TaskGroup() as group:
        background = [
            group.create_task(parts.hub.run()),
            group.create_task(parts.feed.run()),
            group.create_task(parts.pressure.run()),
            group.create_task(parts.lost_writes.watch()),
            group.create_task(watch_redis(parts.log.client)),
            group.create_task(parts.book.keep(parts.log)),
            group.create_task(watch_postgres(parts.archive, parts.archive.ping)),
        ]
        if settings.api_keys_file:
            path = Path(settings.api_keys_file)
            background.append(group.create_task(keep_current(parts.rules.access, path)))
        door.starting.app = _application(parts, settings)
        logger.info("listening on http://%s", authority(*door.address))
        if parts.rules.access.is_open:
            level = logging.WARNING if settings.open_access else logging.INFO
            logger.log(level, "no keys are asked for: who reaches this address may do everything")
        await stop.wait()
        await parts.hub.close_all(settings.drain_s / 4)
        await door.close()
        for task in background:
            task.cancel()
    await parts.rules.quota.close()


def _access(settings: GatewaySettings) -> Access:
    try:
        return access_for(settings)
    except BadKeys as error:
        sys.exit(f"Cannot start: API_KEYS_FILE {settings.api_keys_file}: {error}")


def _application(parts: Parts, settings: GatewaySettings) -> ASGIApp:
    app: ASGIApp = create_app(parts, compat=settings.compat)
    app = FastSockets(app, parts.sockets, parts.rules, compat=settings.compat)
    return FastSubmit(app, parts.intake, parts.rules, parts.tokens)


def _config(app: ASGIApp, settings: GatewaySettings) -> uvicorn.Config:
    bounds = Bounds(
        head_bytes=settings.max_head_bytes,
        head_s=settings.head_deadline_ms / 1_000,
        connections=max(_files() - _OWN_FILES, 1),
        per_address=settings.max_connections_per_address,
    )
    if bounds.connections < settings.max_sockets:
        files = bounds.connections + _OWN_FILES
        logger.warning(
            "there is room for %d connections, not for %d sockets (MAX_SOCKETS), as this process "
            "may open %d files: raise `ulimit -n`",
            *(bounds.connections, settings.max_sockets, files),
        )
    return uvicorn.Config(
        app,
        http=cast(Any, partial(BoundedProtocol, bounds=bounds)),
        ws=cast(Any, partial(FairProtocol, compressed=Compressed(settings.max_compressed_sockets))),
        lifespan="off",
        log_config=None,
        log_level="warning",  # It tells of every socket otherwise.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # The protocol decides by itself.
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(settings.drain_s * 3 / 4),
    )


def _files() -> int:
    """Return how many files this process may open, after asking for as many as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # Some systems promise more than they give.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


if __name__ == "__main__":
    run_service("gateway", GatewaySettings, main)
