"""The WebSockets: who is let in, and what each address is for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.gateway.access import caller_of
from services.gateway.dialect import NATIVE, Dialect
from services.gateway.follower import Follower
from services.gateway.followers import Followers
from services.gateway.histories import checked_id
from services.gateway.problems import Code, Problem
from services.gateway.wire import converse, refuse
from shared.metrics import SOCKETS

_SINCE = re.compile(r"[0-9]{1,9}")
_PONG = b'{"type":"pong"}'


class _Said(msgspec.Struct):
    action: str


_said = msgspec.json.Decoder(_Said)


class Sockets:
    """Serves every WebSocket of this gateway, up to a limit."""

    def __init__(self, followers: Followers, limit: int, dialect: Dialect = NATIVE) -> None:
        self._followers = followers
        self._limit = limit
        self._dialect = dialect
        self._open = 0

    async def one(self, websocket: WebSocket) -> None:
        """Follow the order that the path names."""
        await self.follow(websocket, websocket.path_params["order_id"], self._dialect)

    async def follow(self, websocket: WebSocket, order_id: str, dialect: Dialect) -> None:
        """Send an order's events, each once and in order, until it ends or the client leaves."""
        async with self._let_in(websocket) as let_in:
            if not let_in:
                return
            try:
                since = _checked_since(websocket.query_params.get("since", "0"))
                async with self._followers.following(
                    caller_of(websocket), checked_id(order_id), since, dialect.renders()
                ) as follower:
                    await converse(websocket, follower, lambda said: _hear(follower, said))
            except Problem as problem:
                await refuse(websocket, problem)

    @asynccontextmanager
    async def _let_in(self, websocket: WebSocket) -> AsyncIterator[bool]:
        if self._open >= self._limit or self._followers.leaving:
            await websocket.send_denial_response(Problem(Code.TOO_MANY_SOCKETS).response())
            # Uvicorn takes a refusal for a failure unless it has seen the connection close.
            await asyncio.sleep(0)
            yield False
            return
        self._open += 1
        try:
            with SOCKETS.track_inprogress():
                await websocket.accept()
                yield True
        except (WebSocketDisconnect, TimeoutError):
            pass  # The client is gone, or does not even take the close.
        finally:
            self._open -= 1


async def _hear(follower: Follower, said: str | bytes) -> None:
    await follower.has_room()
    follower.answer(_answer(said))


def _answer(said: str | bytes) -> bytes:
    try:
        if _said.decode(said).action == "ping":
            return _PONG
    except (msgspec.DecodeError, RecursionError):
        pass
    return Problem(Code.INVALID_MESSAGE, 'send {"action":"ping"}, or nothing').document()


def _checked_since(text: str) -> int:
    if not _SINCE.fullmatch(text):
        raise Problem(Code.INVALID_SINCE, "it must be a number from 0 on")
    return int(text)
