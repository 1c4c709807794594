"""A proxy that writes down every command that passes, to be delivered again, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import hiredis

from tests.support.proxy import Proxy

_CHUNK = 65_536
_AT_ONCE = 100
_ANSWER_S = 60.0
# After these a connection does nothing else, or nothing for a while: each gets one of its own.
_ALONE = {b"XREADGROUP", b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"SUBSCRIBE", b"UNSUBSCRIBE"}


class Recorder(Proxy):
    """Passes everything on, and keeps what was asked, by connection."""

    def __init__(self, url: str, port: int = 0) -> None:
        super().__init__(url)
        self._own_port = port
        self.said: list[list[bytes]] = []
        self.records = True

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        doomed: asyncio.Event,  # noqa: ARG002 - what it loses, this one keeps
    ) -> None:
        said: list[bytes] = []
        self.said.append(said)
        parser = hiredis.Reader()
        while data := await reader.read(_CHUNK):
            parser.feed(data)
            while (command := parser.gets()) is not False:
                if self.records:
                    said.append(hiredis.pack_command(tuple(command)))
            writer.write(data)
            await writer.drain()

    async def deliver_again(self) -> int:
        """Deliver every command again, those of a connection in order; return how many."""
        links = [[one] for said in self.said for one in said if _name_of(one) in _ALONE]
        links += [[one for one in said if _name_of(one) not in _ALONE] for said in self.said]
        room = asyncio.Semaphore(_AT_ONCE)

        async def deliver(commands: Sequence[bytes]) -> None:
            async with room, asyncio.timeout(_ANSWER_S):
                await _deliver(self._host, self._port, commands)

        await asyncio.gather(*(deliver(commands) for commands in links if commands))
        return sum(map(len, links))


async def _deliver(host: str, port: int, commands: Sequence[bytes]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"".join(commands))
        parser, answers = hiredis.Reader(), 0
        while answers < len(commands):
            data = await reader.read(_CHUNK)
            if not data:
                raise ConnectionError("the server closed the connection")
            parser.feed(data)
            while parser.gets() is not False:
                answers += 1
    finally:
        writer.close()


def _name_of(command: bytes) -> bytes:
    # *3\r\n$7\r\nEVALSHA\r\n...
    return command.split(b"\r\n", 3)[2].upper()
