"""Follow an order over plain HTTP: server-sent events, one for each event of the order."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.access.callers import caller_of
from services.gateway.following.hub import UpdateHub
from services.gateway.following.outbox import ENDED, GONE, TOO_SLOW, WRITE_S, Outbox
from services.gateway.following.position import Update, checked_since
from services.gateway.http.answers import given_once
from services.gateway.http.problems import Code, Problem
from shared.observability.metrics import SLOW_CLIENTS, STREAMS

EVENT_STREAM = "text/event-stream"
HEARTBEAT_S = 15.0  # Proxies cut connections that say nothing for a minute.

_HEARTBEAT = b":\n\n"


def wants_stream(request: Request) -> bool:
    """Return whether the client asks for a stream of events rather than a list."""
    return EVENT_STREAM in request.headers.get("accept", "")


class Streams:
    """Serves every event stream of this gateway, up to a limit."""

    def __init__(self, hub: UpdateHub, limit: int) -> None:
        self._hub = hub
        self._limit = limit
        self._open = 0

    def follow(self, request: Request, order_id: str) -> Response:
        """Return the answer that streams an order's events until it ends. Raises `Problem`."""
        last = given_once(request.headers, "last-event-id", Code.INVALID_SINCE)
        since = checked_since("Last-Event-ID", last)
        following = self._hub.following(caller_of(request), order_id, since, _rendered)
        return self.answer(following)

    def answer(self, following: AbstractAsyncContextManager[Outbox]) -> Response:
        """Return the answer that streams what waits for a client, until it is closed.

        Raises `Problem` where there are too many.
        """
        if self._open >= self._limit or self._hub.leaving:
            raise Problem(Code.TOO_MANY_SOCKETS)
        return _EventStream(self, following)

    def opened(self, change: int) -> None:
        """Note that a stream has begun, or ended."""
        self._open += change
        STREAMS.set(self._open)


class _EventStream(Response):
    """Ends when it is closed. A client that comes back behind an order's end is told so: 204."""

    def __init__(self, streams: Streams, following: AbstractAsyncContextManager[Outbox]) -> None:
        super().__init__(media_type=EVENT_STREAM)
        self._streams = streams
        self._following = following

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what happens, as it happens."""
        self._streams.opened(1)
        try:
            # Raises its problems before anything is sent, so that they are answered as ever.
            async with self._following as outbox:
                first = await outbox.next() if outbox.close_code == ENDED else _HEARTBEAT
                if first is None:
                    await Response(status_code=204)(scope, receive, send)
                else:
                    await _serve(outbox, first, receive, send)
        finally:
            self._streams.opened(-1)


async def _serve(outbox: Outbox, first: bytes, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", EVENT_STREAM.encode()), (b"x-accel-buffering", b"no")]
    listener = asyncio.create_task(_listen(outbox, receive))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        message: bytes | None = first
        while message is not None:
            await _send(send, message)
            message = await _next(outbox)
        await _send(send, b"", more=False)
    except TimeoutError:
        outbox.drop(TOO_SLOW)  # Ending without an end cuts the connection.
    finally:
        listener.cancel()
    if outbox.close_code == TOO_SLOW:
        SLOW_CLIENTS.inc()


async def _next(outbox: Outbox) -> bytes | None:
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            return await outbox.next()
    except TimeoutError:
        return _HEARTBEAT


async def _send(send: Send, message: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(WRITE_S):
        await send({"type": "http.response.body", "body": message, "more_body": more})


async def _listen(outbox: Outbox, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    outbox.drop(GONE)


def _rendered(update: Update) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (update.version, update.message)
