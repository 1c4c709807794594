"""What a client hears on the WebSocket of one order."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.chaos.records import Told


class _Update(msgspec.Struct):
    version: int
    status: str


_update = msgspec.json.Decoder(_Update)


async def heard(socket: ClientConnection) -> tuple[list[Told], int | None]:
    """Return every update that a socket brings, and the code that the gateway closed it with."""
    told: list[Told] = []
    try:
        while True:
            message = await socket.recv()
            with suppress(msgspec.ValidationError):  # Bad news has no version.
                update = _update.decode(message)
                told.append(Told(update.version, update.status))
    except ConnectionClosed as closed:
        return told, closed.rcvd.code if closed.rcvd else None
