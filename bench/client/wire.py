"""Keep-alive HTTP connections that send one request after the other, as cheaply as Python can."""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import urlsplit


class Connection(asyncio.Protocol):
    """One connection. It never pipelines."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name.

    @property
    def closed(self) -> bool:
        """Return whether it is of no more use."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return status and body. Raises `ConnectionError` when it breaks."""
        if self._transport is None or self.closed:
            raise ConnectionError("the server has closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        """Put an answer together."""
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        if len(body) >= _length(head):
            self._read = b""
            if not self._answer.done():
                self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(str(exc or "closed")))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])


async def connect(base: str, count: int) -> list[Connection]:
    """Open connections to the server at `base`."""
    loop, url = asyncio.get_running_loop(), urlsplit(base)
    made = [
        await loop.create_connection(Connection, url.hostname or "", url.port or 80)
        for _ in range(count)
    ]
    return [connection for _, connection in made]


def post(base: str, path: str, body: str) -> bytes:
    """Return the bytes of a POST."""
    content = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(base).netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def websocket(base: str, path: str) -> str:
    """Return the address of a WebSocket of the same server."""
    return f"ws://{urlsplit(base).netloc}{path}"
