"""Take single orders in ahead of the framework, which costs several times what they do.

Only what is certain to be taken the ordinary way too is taken here. Everything else goes on to
the application as if nobody had looked at it, so that there is one place for every refusal.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.access.gatekeeper import Rules
from services.gateway.http.answers import EXECUTE, taken_body, taken_headers
from services.gateway.http.middleware import HEADERS
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.fast_parsing import plain_order
from services.gateway.orders.parsing import LIMIT
from services.gateway.orders.requests import NewOrder
from services.gateway.orders.submit import Asked, Intake, asked_by, key_in
from shared.observability import metrics
from shared.tokens.registry import Tokens

_JSON = frozenset({b"application/json", b"application/json; charset=utf-8"})


class FastSubmit:
    """ASGI application: answers plain orders, and passes on whatever else comes."""

    def __init__(self, app: ASGIApp, intake: Intake, rules: Rules, tokens: Tokens) -> None:
        """`app` answers what is passed on, by the same intake, rules and tokens."""
        self._app = app
        self._intake = intake
        self._rules = rules
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do it."""
        if scope["path"] != EXECUTE or scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        asked = self._asked(scope)
        message = _at_hand(receive) if asked else None
        order = _plain(message, self._tokens) if message else None
        if asked and order:
            await self._take(order, asked, _Answer(send, began))
        else:
            await self._app(scope, _again(message, receive) if message else receive, send)

    def _asked(self, scope: Scope) -> Asked | None:
        """Return what the headers say beside the order, if all of it is fine."""
        rules = self._rules
        if rules.inside.full or rules.quota.limited:
            return None
        kinds, keys, traces = [], [], []
        for name, value in scope["headers"]:
            if name == b"content-type":
                kinds.append(value)
            elif name == b"idempotency-key":
                keys.append(value.decode("latin-1"))
            elif name == b"traceparent":
                traces.append(value.decode("latin-1"))
            elif name == b"origin" or (name == b"host" and not rules.may_call(value)):
                return None  # Pages are told more, and not all may order.
        if len(kinds) != 1 or kinds[0] not in _JSON:
            return None
        try:
            return asked_by(rules.access.caller(Headers(scope=scope)), key_in(keys), traces)
        except Problem:
            return None

    async def _take(self, order: NewOrder, asked: Asked, answer: _Answer) -> None:
        try:
            with self._rules.inside:
                taken = await self._intake.accept(order, asked)
        except Problem as problem:
            metrics.ORDERS_REFUSED.labels(problem.code.name).inc()
            await answer.refuse(problem)
        except Exception:
            await answer.refuse(Problem(Code.INTERNAL_ERROR))
            raise  # What it was is for the log.
        else:
            await answer(202, taken_headers(taken), taken_body(taken))


class _Answer:
    """Answers one request, and measures how long that took."""

    def __init__(self, send: Send, began: float) -> None:
        self._send = send
        self._began = began

    async def __call__(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send the answer. `headers` are those that belong to it alone."""
        took = metrics.series(metrics.HTTP_SECONDS, "POST", EXECUTE, str(status))
        took.observe(time.perf_counter() - self._began)
        start = {"type": "http.response.start", "status": status, "headers": [*headers, *HEADERS]}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, problem: Problem) -> None:
        """Say what is wrong."""
        response = problem.response()
        await self(response.status_code, response.raw_headers, bytes(response.body))


def _at_hand(receive: Receive) -> Message | None:
    """Return what has come of a request, without waiting for any of it."""
    reading = receive().__await__()
    try:
        reading.send(None)
    except StopIteration as read:
        message: Message = read.value
        return message
    reading.close()  # It waits. The application does too, and knows for how long.
    return None


def _plain(message: Message, tokens: Tokens) -> NewOrder | None:
    """Return the order that a message holds, if it is the whole of a body that is plain."""
    body = message.get("body", b"")
    whole = message["type"] == "http.request" and not message.get("more_body", False)
    return plain_order(body, tokens) if whole and len(body) <= LIMIT else None


def _again(message: Message, receive: Receive) -> Receive:
    """Return what receives a message that was received before, and then the others."""
    seen = [message]

    async def receive_again() -> Message:
        return seen.pop() if seen else await receive()

    return receive_again
