"""Serve WebSockets ahead of the framework, whose layers cost as much as the socket does.

Only a socket that is certain to be let in, and that speaks our words, is served here. Everything
else goes on to the application as if nobody had looked at it: there each refusal has its place, and
each dialect its layer.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.gateway.access.gatekeeper import Rules, visitor
from services.gateway.following.websockets import Sockets
from services.gateway.http.answers import MANY
from services.gateway.http.problems import Problem

_ONE = re.compile(r"/api/orders/([^/]+)/ws")


class FastSockets:
    """ASGI application: serves sockets in our words, and passes on whatever else comes."""

    def __init__(self, app: ASGIApp, sockets: Sockets, rules: Rules, *, compat: bool) -> None:
        """`app` serves what is passed on. With `compat` a client says `since` to be one of ours."""
        self._app = app
        self._sockets = sockets
        self._rules = rules
        self._compat = compat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a socket, or let the application do it."""
        if scope["type"] == "websocket" and await self._serve(scope, receive, send):
            return
        await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        one = _ONE.fullmatch(scope["path"])
        if one is None and scope["path"] != MANY:
            return False
        websocket = WebSocket(scope, receive, send)
        query = websocket.query_params
        # A ticket is good for one look only.
        if (self._compat and "since" not in query) or "ticket" in query:
            return False
        try:
            scope["caller"] = await visitor(websocket, self._rules)
        except Problem:
            return False
        if one is None:
            await self._sockets.many(websocket)
        else:
            scope["path_params"] = {"order_id": one[1]}
            await self._sockets.one(websocket)
        return True
