"""The door: nothing gets in without a caller, except what is open to all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.gateway.access.callers import Access, Caller
from services.gateway.access.pages import check_host, check_origin
from services.gateway.access.rate_limits import Quota
from services.gateway.access.tickets import Tickets
from services.gateway.http.answers import given_once
from services.gateway.http.middleware import add_missing
from services.gateway.http.problems import Code, Problem
from shared.observability.metrics import TURNED_AWAY

# What says nothing about orders. Everything else is closed, also what is added one day.
OPEN = frozenset(
    {
        *("/health", "/health/ready", "/metrics", "/openapi.json"),
        *("/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"),
    }
)


@dataclass(slots=True)
class Inside:
    """How many requests wait for their answers, and how many may."""

    limit: int
    now: int = 0

    @property
    def full(self) -> bool:
        """Return whether nobody else may come in."""
        return self.now >= self.limit

    def __enter__(self) -> None:
        self.now += 1

    def __exit__(self, *_why: object) -> None:
        self.now -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who is let in, how often, and how many at once."""

    access: Access
    tickets: Tickets
    quota: Quota
    may_call: Callable[[bytes], bool]  # By what a Host header says.
    origins: frozenset[str]  # Of pages that may come in; "*" is every page.
    inside: Inside


class Gatekeeper:
    """Middleware: finds out who sent a request, for `caller_of`, or turns it away."""

    def __init__(self, app: ASGIApp, rules: Rules, free: AbstractSet[str] = OPEN) -> None:
        """`free` are the addresses that say nothing about orders."""
        self._app = app
        self._rules = rules
        self._free = frozenset(free)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["path"] in self._free:
            await self._app(scope, receive, send)
            return
        try:
            if scope["type"] == "websocket":
                scope["caller"] = await visitor(HTTPConnection(scope), self._rules)
                left: Mapping[str, str] = {}
            else:
                scope["caller"], left = await self._customer(scope)
        except Problem as problem:
            TURNED_AWAY.labels(problem.code.name).inc()
            await refuse(problem, scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._counted(scope, receive, send, left)

    async def _customer(self, scope: Scope) -> tuple[Caller, Mapping[str, str]]:
        if self._rules.inside.full:
            raise Problem(Code.OVERLOADED)
        headers = Headers(scope=scope)
        check_host(headers, self._rules.may_call)
        # With a key it is no page that decides; but what browsers ask beforehand is about pages.
        if self._rules.access.is_open or scope["method"] == "OPTIONS":
            check_origin(headers, self._rules.origins)
        caller = self._rules.access.caller(headers)
        # Looking, following and cancelling are free: they must not wait for new orders.
        asks = scope["method"] == "POST"
        return caller, await self._rules.quota.spend(caller) if asks else {}

    async def _counted(
        self, scope: Scope, receive: Receive, send: Send, left: Mapping[str, str]
    ) -> None:
        # A request is inside until its answer starts: one that is streamed stays long.
        waiting, inside = True, self._rules.inside
        inside.now += 1

        async def sent(message: Message) -> None:
            nonlocal waiting
            if message["type"] == "http.response.start":
                add_missing(message, _raw(left))  # A batch knows later figures.
                inside.now -= waiting
                waiting = False
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            inside.now -= waiting


async def visitor(connection: HTTPConnection, rules: Rules) -> Caller:
    """Return who opens a socket. Raises `Problem` when that is nobody who may."""
    check_host(connection.headers, rules.may_call)
    check_origin(connection.headers, rules.origins)
    ticket = given_once(connection.query_params, "ticket", Code.UNAUTHENTICATED)
    if ticket is None or rules.access.is_open:
        return rules.access.caller(connection.headers)
    return await rules.tickets.caller(ticket)


def _raw(headers: Mapping[str, str]) -> Iterable[tuple[bytes, bytes]]:
    return ((name.encode(), value.encode()) for name, value in headers.items())


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or one for a socket, with a problem."""
    if scope["type"] == "http":
        await problem.response()(scope, receive, send)
        return
    await WebSocket(scope, receive, send).send_denial_response(problem.response())
    # Uvicorn takes a refusal for a failure unless it has seen the connection close.
    await asyncio.sleep(0)
