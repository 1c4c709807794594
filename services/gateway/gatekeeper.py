"""The door: nothing gets in without a caller, except what is open to all."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.gateway.access import Access
from services.gateway.problems import Problem
from shared.metrics import TURNED_AWAY

# What says nothing about orders. Everything else is closed, also what is added one day.
OPEN = frozenset({"/health", "/health/ready", "/metrics", "/docs", "/openapi.json"})


class Gatekeeper:
    """Middleware: finds out who sent a request, for `caller_of`, or turns it away."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            scope["caller"] = self._access.caller(Headers(scope=scope))
        except Problem as problem:
            TURNED_AWAY.labels(problem.code.name).inc()
            await _answer(problem, scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _answer(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await problem.response()(scope, receive, send)
        return
    await WebSocket(scope, receive, send).send_denial_response(problem.response())
    # Uvicorn takes a refusal for a failure unless it has seen the connection close.
    await asyncio.sleep(0)
