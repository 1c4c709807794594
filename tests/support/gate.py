"""A proxy that closes just before a certain request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.proxy import Proxy

_CHUNK = 65_536


class Gate(Proxy):
    """Lets everything through up to the first request that contains `marker`.

    That request, and all that comes later on any connection, waits until the gate is opened.
    """

    def __init__(self, url: str, marker: str) -> None:
        super().__init__(url)
        self._marker = marker.encode()
        self._open = False
        self.closed = False

    def open(self) -> None:
        """Let through what waits, and everything after it."""
        self._open = True
        self.flow()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _doomed: asyncio.Event
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self._marker in data and not self._open:
                self.hang()
                self.closed = True
            await self._flows.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def gated(url: str, marker: str) -> AsyncIterator[Gate]:
    """Run a gate in front of the server at `url`."""
    gate = Gate(url, marker)
    await gate.listen()
    try:
        yield gate
    finally:
        await gate.refuse()
