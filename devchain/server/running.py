"""Serve nodes, each on a port of its own, and make blocks, until told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn

from devchain.chain.chain import Chain
from devchain.rpc.node import Node
from devchain.server import limits
from devchain.server.app import App

LOOPBACK = "127.0.0.1"
_BACKLOG = 256


class Server(uvicorn.Server):
    """A server that leaves signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listener(port: int, host: str = LOOPBACK) -> socket.socket:
    """Return a socket that listens. Raises `OSError` if the port is taken."""
    listening = socket.create_server((host, port), backlog=_BACKLOG)
    # asyncio does so for sockets alone that name their protocol: each answer took 40 ms without.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@asynccontextmanager
async def serving(nodes: Mapping[socket.socket, Node]) -> AsyncIterator[asyncio.Future[None]]:
    """Serve nodes on their sockets. The future fails when the chain can't go on."""
    fate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(error: OSError) -> None:
        if not fate.done():
            fate.set_exception(error)

    app = App({each.getsockname()[1]: node for each, node in nodes.items()}, fail)
    server = Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=limits.MESSAGE,
            limit_concurrency=limits.CONNECTIONS,
            timeout_graceful_shutdown=limits.GRACE_S,
        )
    )
    running = asyncio.create_task(server.serve(sockets=list(nodes)))
    try:
        yield fate
    finally:
        server.should_exit = True
        await running
        if not fate.cancel():
            fate.exception()  # Told elsewhere; asyncio would call it forgotten.


async def make_blocks(
    chain: Chain, node: Node, every_ms: int, trade: Callable[[], None] = lambda: None
) -> None:
    """Close a block every so many milliseconds, after what `trade` lands in it.

    A late block makes none of the others late.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + every_ms / 1_000, loop.time())
        await asyncio.sleep(due - loop.time())
        trade()
        chain.step(1, int(node.now()))


async def until(stop: asyncio.Event, *fates: asyncio.Future[Any]) -> None:
    """Return when told to stop. Raises if one of these failed before."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([stopping, *fates], return_when=asyncio.FIRST_COMPLETED)
        for each in fates:
            if each.done():
                each.result()
    finally:
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await stopping
