"""A client that follows everybody's orders, and hops from gateway to gateway all the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.chaos.records import Record, Stream, ToldOf

_ANSWER_S = 5.0
_PAUSE_S = 0.2
_STAY_S = (0.2, 4.0)
_CAUGHT_UP_S = 120.0  # Only what hangs takes longer.
_LOST = (OSError, WebSocketException)  # A TimeoutError is an OSError.


class _Event(msgspec.Struct, rename="camel"):
    order_id: str
    version: int
    status: str


class _Message(msgspec.Struct):
    cursor: str = ""
    events: list[_Event] = []
    lost: dict[str, Any] | None = None
    stream: str = ""


_message = msgspec.json.Decoder(_Message)


class Audience:
    """Writes down what it is told, one record a connection."""

    def __init__(self, doors: Callable[[], Sequence[str]], seed: int) -> None:
        self.records: list[Record] = []
        self._doors = doors
        self._dice = Random(f"audience {seed}")
        self._cursor = ""
        self._is_quiet = False

    async def begin(self) -> None:
        """Return once it has a place before everything that is going to happen."""
        while not self._cursor:
            await self._visit(0.0)

    async def hop(self) -> None:
        """Follow for a moment, at one gateway after the other, until cancelled."""
        while True:
            await self._visit(self._dice.uniform(*_STAY_S))

    async def catch_up(self) -> None:
        """Return once it has heard of everything, or after a while in vain."""
        self._is_quiet = False
        try:
            async with asyncio.timeout(_CAUGHT_UP_S):
                while not self._is_quiet:
                    await self._visit(_CAUGHT_UP_S)
        except TimeoutError:
            pass  # The checker finds what is missing.

    async def _visit(self, stay_s: float) -> None:
        """Go on where it was, at any gateway; stay until one falls quiet or time is up."""
        doors = self._doors()
        if not doors:
            await asyncio.sleep(_PAUSE_S)
            return
        told: list[ToldOf] = []
        lost: list[str] = []
        query = urlencode({"cursor": self._cursor} if self._cursor else {})
        address = f"ws://{self._dice.choice(doors)}/api/stream?{query}"
        try:
            async with connect(address, proxy=None, open_timeout=_ANSWER_S) as socket:
                async with asyncio.timeout(max(stay_s, _ANSWER_S)) as patience:
                    await self._hear(socket, told, lost)  # The first message.
                    patience.reschedule(asyncio.get_running_loop().time() + stay_s)
                    while not self._is_quiet:
                        await self._hear(socket, told, lost)
        except _LOST:
            await asyncio.sleep(0 if told else _PAUSE_S)
        finally:
            self.records.append(Stream(told=tuple(told), lost=tuple(lost)))

    async def _hear(self, socket: ClientConnection, told: list[ToldOf], lost: list[str]) -> None:
        message = _message.decode(await socket.recv())
        told += (ToldOf(event.order_id, event.version, event.status) for event in message.events)
        lost += [str(message.lost)] if message.lost else []
        self._is_quiet = not (message.events or message.lost or message.stream)
        self._cursor = message.cursor or self._cursor


@asynccontextmanager
async def hopping(audience: Audience) -> AsyncIterator[None]:
    """Let a client hop for as long as the context is open."""
    task = asyncio.create_task(audience.hop())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()  # It broke down.
