"""The layer in front of the gateway, and how it is put there."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.compat import http, socket
from services.gateway.compat.describe import described
from shared.tokens.registry import Tokens


class Compat:
    """Middleware: says requests in our words, and answers in the client's."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        """`tokens` are those that orders may name."""
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        serve = http.serve if scope["type"] == "http" else socket.serve
        await serve(self._app, self._tokens, scope, receive, send)


def plug_in(app: FastAPI, tokens: Tokens) -> None:
    """Make an application understand the forerunners' clients, and describe what it takes."""
    app.add_middleware(Compat, tokens=tokens)
    ours = app.openapi
    # FastAPI's documented way to extend what it describes.
    app.openapi = lambda: described(ours())  # type: ignore[method-assign]
