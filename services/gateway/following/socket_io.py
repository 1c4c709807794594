"""One WebSocket: a task that writes, a task that listens, and the end of both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket

from services.gateway.following.outbox import (
    BROKEN,
    GONE,
    REVOKED,
    TOO_SLOW,
    WRITE_S,
    Outbox,
)
from services.gateway.http.problems import Code, Problem
from shared.concurrency.timers import Deadline
from shared.observability.metrics import SLOW_CLIENTS

CLOSE_S = 1.0

_CLOSE_CODES = {
    Code.INVALID_ORDER_ID: 4400,
    Code.INVALID_SINCE: 4400,
    Code.INVALID_QUERY: 4400,
    Code.FORBIDDEN: 4403,
    Code.ORDER_NOT_FOUND: 4404,
    Code.HISTORY_UNAVAILABLE: TOO_SLOW,  # 1013 means "try again later" either way.
}


async def pump(
    websocket: WebSocket,
    outbox: Outbox,
    hear: Callable[[str | bytes], Awaitable[None]],
    deadline: Deadline,
) -> None:
    """Send what waits for the follower and hear what the client says, until either is over.

    The next message is read only once `hear` has returned, so that a client cannot say more
    than is taken in. `deadline` is for each message that is sent.
    """
    listener = asyncio.create_task(_listen(websocket, outbox, hear))
    try:
        await _write(websocket, outbox, deadline)
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def refuse(websocket: WebSocket, problem: Problem) -> None:
    """Say what is wrong, and close."""
    async with asyncio.timeout(WRITE_S):
        await websocket.send_text(problem.document().decode())
    await _close(websocket, _CLOSE_CODES.get(problem.code, BROKEN), problem.code.name)


async def _write(websocket: WebSocket, outbox: Outbox, deadline: Deadline) -> None:
    try:
        while (message := await outbox.next()) is not None:
            with deadline():
                await websocket.send_text(message.decode())
    except TimeoutError:
        outbox.drop(TOO_SLOW)
    if outbox.close_code == TOO_SLOW:
        SLOW_CLIENTS.inc()
    # Where one end is news for many, all of them hear it before the first is closed.
    await asyncio.sleep(0)
    code = outbox.close_code or BROKEN
    await _close(websocket, code, Code.UNAUTHENTICATED.name if code == REVOKED else "")


async def _listen(
    websocket: WebSocket, outbox: Outbox, hear: Callable[[str | bytes], Awaitable[None]]
) -> None:
    try:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            await hear(message.get("text") or message.get("bytes") or "")
    finally:
        outbox.drop(GONE)


async def _close(websocket: WebSocket, code: int, reason: str = "") -> None:
    if code != GONE:
        async with asyncio.timeout(CLOSE_S):
            await websocket.close(code, reason)
