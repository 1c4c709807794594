"""The WebSocket that follows one order."""

from __future__ import annotations

import asyncio
import re

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.gateway.follow import BROKEN, GONE, TOO_SLOW, Follower
from services.gateway.followers import Followers
from services.gateway.histories import checked_id
from services.gateway.problems import Code, Problem
from shared.metrics import SLOW_CLIENTS, SOCKETS

WRITE_S = 5.0  # A client that takes nothing for so long is given up.
CLOSE_S = 1.0

_SINCE = re.compile(r"[0-9]{1,9}")
_PONG = b'{"type":"pong"}'
_CLOSE_CODES = {
    Code.INVALID_ORDER_ID: 4400,
    Code.INVALID_SINCE: 4400,
    Code.ORDER_NOT_FOUND: 4404,
    Code.INTERNAL_ERROR: BROKEN,
    Code.HISTORY_UNAVAILABLE: TOO_SLOW,  # 1013 means "try again later" either way.
}


class _Said(msgspec.Struct):
    action: str


_said = msgspec.json.Decoder(_Said)


class Sockets:
    """Serves every WebSocket of this gateway, up to a limit."""

    def __init__(self, followers: Followers, limit: int) -> None:
        self._followers = followers
        self._limit = limit
        self._open = 0

    async def serve(self, websocket: WebSocket) -> None:
        """Send the order's events, each once and in order, until it ends or the client leaves."""
        if self._open >= self._limit or self._followers.leaving:
            await websocket.send_denial_response(Problem(Code.TOO_MANY_SOCKETS).response())
            # Uvicorn takes a refusal for a failure unless it has seen the connection close.
            await asyncio.sleep(0)
            return
        self._open += 1
        try:
            with SOCKETS.track_inprogress():
                await self._follow(websocket)
        except (WebSocketDisconnect, TimeoutError):
            pass  # The client is gone, or does not even take the close.
        finally:
            self._open -= 1

    async def _follow(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            order_id = checked_id(websocket.path_params["order_id"])
            since = _checked_since(websocket.query_params.get("since", "0"))
            async with self._followers.following(order_id, since) as follower:
                await _converse(websocket, follower)
        except Problem as problem:
            await _send(websocket, problem.document())
            await _close(websocket, _CLOSE_CODES[problem.code], problem.code.name)


async def _converse(websocket: WebSocket, follower: Follower) -> None:
    listener = asyncio.create_task(_listen(websocket, follower))
    try:
        await _write(websocket, follower)
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def _write(websocket: WebSocket, follower: Follower) -> None:
    try:
        while (message := await follower.next()) is not None:
            await _send(websocket, message)
    except TimeoutError:
        follower.drop(TOO_SLOW)
    if follower.close_code == TOO_SLOW:
        SLOW_CLIENTS.inc()
    await _close(websocket, follower.close_code or BROKEN)


async def _listen(websocket: WebSocket, follower: Follower) -> None:
    try:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            follower.reply(_answer(message.get("text") or message.get("bytes") or ""))
    finally:
        follower.drop(GONE)


def _answer(said: str | bytes) -> bytes:
    try:
        if _said.decode(said).action == "ping":
            return _PONG
    except (msgspec.DecodeError, RecursionError):
        pass
    return Problem(Code.INVALID_MESSAGE, 'send {"action":"ping"}, or nothing').document()


async def _send(websocket: WebSocket, message: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await websocket.send_text(message.decode())


async def _close(websocket: WebSocket, code: int, reason: str = "") -> None:
    if code != GONE:
        async with asyncio.timeout(CLOSE_S):
            await websocket.close(code, reason)


def _checked_since(text: str) -> int:
    if not _SINCE.fullmatch(text):
        raise Problem(Code.INVALID_SINCE, "it must be a number from 0 on")
    return int(text)
