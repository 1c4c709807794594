"""Start a gateway: `python -m services.gateway`."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from services.gateway.access.api_keys import BadKeys, access_for, keep_current
from services.gateway.access.callers import Access
from services.gateway.app import create_app
from services.gateway.server.fair_websocket import FairProtocol
from services.gateway.server.fast_sockets import FastSockets
from services.gateway.server.fast_submit import FastSubmit
from services.gateway.server.startup_responder import answering_early
from services.gateway.server.write_coalescing import CorkedProtocol
from services.gateway.wiring import Parts
from shared.archive.archive import Archive
from shared.process.runtime import run_service, until_available
from shared.process.server_metrics import watch_postgres, watch_redis
from shared.settings import GatewaySettings
from shared.streams.log.log import Log

logger = logging.getLogger(__name__)

_LARGEST_MESSAGE = 65_536  # Bytes a client may send at once.
_KEEP_ALIVE_S = 75
_DEAF_MS = 30_000


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
        async with answering_early(listener):
            log = await until_available(partial(Log.open, settings), stop, "Redis")
        if log is None:
            return
        stack.push_async_callback(log.close)
        archive = await Archive.open(settings.database_url)
        stack.push_async_callback(archive.close)
        parts = Parts.make(log, archive, settings, access)
        await parts.lost_writes.look()
        await serve(parts, settings, listener, stop)


async def serve(
    parts: Parts, settings: GatewaySettings, listener: socket.socket, stop: asyncio.Event
) -> None:
    """Serve on a bound socket until told to stop."""
    server = Server(_config(parts, settings))
    async with asyncio.TaskGroup() as group:
        background = [
            group.create_task(parts.hub.run()),
            group.create_task(parts.pressure.run()),
            group.create_task(parts.lost_writes.watch()),
            group.create_task(watch_redis(parts.log.client)),
            group.create_task(watch_postgres(parts.archive)),
        ]
        serving = group.create_task(server.serve(sockets=[listener]))
        if settings.api_keys_file:
            path = Path(settings.api_keys_file)
            background.append(group.create_task(keep_current(parts.rules.access, path)))
        logger.info("listening on http://%s:%d", *listener.getsockname()[:2])
        if parts.rules.access.is_open:
            level = logging.WARNING if settings.open_access else logging.INFO
            logger.log(level, "no keys are asked for: who reaches this address may do everything")
        await stop.wait()
        await parts.hub.close_all(settings.drain_s / 4)
        server.should_exit = True
        await serving
        for task in background:
            task.cancel()
    await parts.rules.quota.close()


def _access(settings: GatewaySettings) -> Access:
    try:
        return access_for(settings)
    except BadKeys as error:
        sys.exit(f"Cannot start: API_KEYS_FILE {settings.api_keys_file}: {error}")


def _config(parts: Parts, settings: GatewaySettings) -> uvicorn.Config:
    app: ASGIApp = create_app(parts, compat=settings.compat)
    app = FastSockets(app, parts.sockets, parts.rules, compat=settings.compat)
    return uvicorn.Config(
        FastSubmit(app, parts.intake, parts.rules),
        http=CorkedProtocol,
        ws=FairProtocol,
        lifespan="off",
        log_config=None,
        log_level="warning",  # It tells of every socket otherwise.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # Events are small; the memory of ten thousand is not.
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(settings.drain_s * 3 / 4),
    )


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound but does not listen yet. Ends the process if it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # A client that takes nothing keeps its buffers for so long and no longer.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAF_MS)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        sys.exit(f"Cannot listen on {host}:{port}: {error.strerror}")
    return listener


if __name__ == "__main__":
    run_service("gateway", GatewaySettings, main)
