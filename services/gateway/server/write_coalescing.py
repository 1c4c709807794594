"""Write what is said in one turn of the event loop as one piece.

Uvicorn writes the head of an answer, then its body, and each message of a socket by itself. Each is
a system call and a packet, and wakes whoever reads it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST = 65_536  # Bytes that wait at most: from here on the transport says when it is enough.


class Corked:
    """A transport that gathers writes until the loop comes round."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, soon."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _MOST:
            self._flush()

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Say that nothing more comes, once everything is sent."""
        self._flush()
        self._transport.write_eof()

    def _flush(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))


class CorkedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, and the sockets that come of it, on such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with a transport that gathers."""
        super().connection_made(Corked(transport, self.loop))  # type: ignore[arg-type]
