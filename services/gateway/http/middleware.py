"""Layers around every address: HEAD, measuring, and headers that keep browsers from guessing."""

from __future__ import annotations

import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import metrics


class Head:
    """Middleware: answers HEAD as it would GET, but for the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. Its answer is whole once it has begun, also one that is streamed."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_start(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})

        await self._app({**scope, "method": "GET"}, receive, send_start)


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


HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),  # Orders are nobody else's business.
)


def add_missing(start: Message, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Add to the start of an answer the headers that it does not have."""
    own = start["headers"]
    names = {name for name, _ in own}
    start["headers"] = [*own, *(header for header in headers if header[0] not in names)]


class SecurityHeaders:
    """Middleware: adds the headers that an answer does not set by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_missing(message, HEADERS)
            await send(message)

        await self._app(scope, receive, guarded)
