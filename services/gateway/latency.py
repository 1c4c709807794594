"""Measure how long each address takes to answer."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import metrics


class Latency:
    """Middleware: one observation a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note when its answer starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The route's pattern, not the path: labels must stay few.
                route = getattr(scope.get("route"), "path", "none")
                labels = (scope["method"], route, str(message["status"]))
                took = metrics.series(metrics.HTTP_SECONDS, *labels)
                took.observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, observe)
