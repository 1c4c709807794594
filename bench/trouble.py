"""Clients that misbehave, for `bench.sockets`. Run one: `python -m bench.trouble KIND WS-URL`."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

_CHUNK = 16_384
_PAUSE_S = 0.05


async def _never_read(socket: ClientConnection) -> None:
    # A request in a millisecond, so that answers pile up until the gateway gives up.
    while True:
        await socket.send('{"subscribe":"%s"}' % ("no order" * 100))
        await asyncio.sleep(0.001)


async def _ask(socket: ClientConnection) -> None:
    await _pour(socket, _said(b'{"subscribe":"no order"}'))


async def _pings(socket: ClientConnection) -> None:
    await _pour(socket, bytes([0x89, 0x84, 0, 0, 0, 0]) + b"ping")


async def _small_talk(socket: ClientConnection) -> None:
    await _pour(socket, _said(b'{"action":"ping"}'))


def _said(text: bytes) -> bytes:
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


async def _pour(socket: ClientConnection, frame: bytes) -> None:
    """Write as fast as the gateway takes it, and read nothing."""
    chunk = frame * (_CHUNK // len(frame))
    while not socket.transport.is_closing():
        if socket.transport.get_write_buffer_size() < _CHUNK:
            socket.transport.write(chunk)
        # There is nothing to wait for that websockets would let us see.
        await asyncio.sleep(0.001)


async def _noise(socket: ClientConnection) -> None:
    socket.transport.write(random.randbytes(_CHUNK))  # noqa: S311 - noise is no secret
    await socket.wait_closed()


async def _huge(socket: ClientConnection) -> None:
    await socket.send("x" * 10_000_000)
    await socket.wait_closed()


KINDS: dict[str, Callable[[ClientConnection], Awaitable[None]]] = {
    "deaf": _never_read,
    "questions": _ask,
    "pings": _pings,
    "talk": _small_talk,
    "noise": _noise,
    "huge": _huge,
}


async def _make(kind: str, url: str) -> None:
    while True:
        with suppress(WebSocketException, OSError):
            async with connect(url, proxy=None, max_queue=1, close_timeout=0.1) as socket:
                await KINDS[kind](socket)
        await asyncio.sleep(_PAUSE_S)


if __name__ == "__main__":
    asyncio.run(_make(*sys.argv[1:]))
