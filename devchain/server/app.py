"""The ASGI application: a request comes in by a port, and so to that port's node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from devchain.rpc.calls import answer, read
from devchain.rpc.node import Node
from devchain.server import limits, sockets

_CLOSED = {"connection": "close"}  # Or the rest of the body would still be read.


class App:
    """Nodes by port. `fail` is told of a journal that can't be written: nothing goes on then."""

    def __init__(self, nodes: Mapping[int, Node], fail: Callable[[OSError], None]) -> None:
        self._nodes = nodes
        self._fail = fail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket."""
        node = self._nodes[scope["server"][1]]
        if scope["type"] == "websocket":
            await sockets.serve(WebSocket(scope, receive, send), node)
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(node, request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, node: Node, request: Request) -> Response:
        if request.method == "GET" and request.url.path == "/health":
            return PlainTextResponse("ok")
        if request.method != "POST":
            return PlainTextResponse("This is a development chain: POST JSON-RPC.\n", 405)
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            # A page in a browser may send anything else without asking.
            return PlainTextResponse("Supplied content type is not allowed.\n", 415)
        try:
            async with asyncio.timeout(limits.BODY_S):
                body = await _body(request)
        except TimeoutError:
            return PlainTextResponse(f"no body within {limits.BODY_S:g} s\n", 408, _CLOSED)
        if body is None:
            return PlainTextResponse(f"a body of more than {limits.BODY} bytes\n", 413, _CLOSED)
        return await self._call(node, body, request)

    async def _call(self, node: Node, body: bytes, request: Request) -> Response:
        asked, striking = read(body), node.striking
        faults, methods = striking.faults, () if asked.is_control else tuple(asked.methods)
        if methods and striking.strikes(faults.throttled, *methods):
            return PlainTextResponse("Too many requests\n", 429, {"retry-after": "1"})
        if methods and striking.strikes(faults.unavailable, *methods):
            return PlainTextResponse("Service unavailable\n", 503)
        if methods and striking.strikes(faults.silent, *methods):
            await _until_gone(request, faults.silent_ms / 1_000)
            return PlainTextResponse("Gateway timeout\n", 504)
        try:
            said = answer(node, asked)
        except OSError as error:
            self._fail(error)
            return PlainTextResponse("the journal can't be written\n", 503)
        if methods and striking.strikes(faults.lost_reply, *methods):
            return PlainTextResponse("Gateway timeout\n", 504)
        return Response(said, media_type="application/json")


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limits.BODY:
            return None
    return bytes(body)


async def _until_gone(request: Request, at_most_s: float) -> None:
    try:
        async with asyncio.timeout(at_most_s):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return
