"""HTTP in the forerunners' words: requests on their way in, answers on their way out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeAlias

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.compat import answers
from services.gateway.compat.answers import Fields
from services.gateway.compat.requests import is_foreign, names_of, translated, written
from services.gateway.http.answers import EXECUTE
from services.gateway.http.problems import PROBLEM_JSON
from services.gateway.orders.parsing import LIMIT, parse_fields
from shared.tokens.registry import Tokens

SUBMITS = {EXECUTE, "/api/orders"}
_ONE_ORDER = re.compile(r"/api/orders/[^/]+")

Rewrite: TypeAlias = Callable[[int, bytes], tuple[int, bytes]]


async def serve(app: ASGIApp, tokens: Tokens, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a request, of whichever dialect it is."""
    if scope["method"] == "POST" and scope["path"] in SUBMITS:
        submission = Submission(receive, tokens)
        ours = {**scope, "path": EXECUTE, "raw_path": EXECUTE.encode()}
        await app(ours, submission.receive, Rewriting(send, submission.answered))
    elif scope["method"] == "GET" and _ONE_ORDER.fullmatch(scope["path"]):
        await app(scope, receive, Rewriting(send, _shown))
    else:
        await app(scope, receive, send)


class Submission:
    """A request that places an order."""

    def __init__(self, receive: Receive, tokens: Tokens) -> None:
        self._receive = receive
        self._tokens = tokens
        self._is_foreign = False
        self._fields: Fields = {}

    async def receive(self) -> Message:
        """Return the whole body, said in our words. Raises `Problem` when it cannot be.

        One that is too large comes in parts and as it is: it is refused anyway.
        """
        body = bytearray()
        while (message := await self._receive())["type"] == "http.request":
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if not more or len(body) > LIMIT:
                return {**message, "body": self._in_our_words(bytes(body)), "more_body": more}
        return message

    def answered(self, status: int, body: bytes) -> tuple[int, bytes]:
        """Return the JSON answer as the client expects it."""
        if not self._is_foreign:
            return status, body
        answer: Fields = json.loads(body)
        if "code" in answer:
            return status, as_json(answers.refused(answer, names_of(self._fields)))
        if {"amount", "slippage"} <= self._fields.keys() and status == HTTPStatus.ACCEPTED:
            status = HTTPStatus.CREATED
        return status, as_json(answers.accepted(answer))

    def _in_our_words(self, body: bytes) -> bytes:
        if len(body) > LIMIT or not is_foreign(body):
            return body
        self._is_foreign = True
        self._fields = parse_fields(body)
        return written(translated(self._fields, self._tokens))


class Rewriting:
    """Holds back a JSON answer until it is whole, and sends it rewritten."""

    def __init__(self, send: Send, rewrite: Rewrite) -> None:
        self._send = send
        self._rewrite = rewrite
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Take the next part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            body = self._rewritten(MutableHeaders(scope=self._start))
            await self._send(self._start)
            await self._send({**message, "body": body})

    def _rewritten(self, headers: MutableHeaders) -> bytes:
        body = bytes(self._body)
        if headers.get("content-type") in ("application/json", PROBLEM_JSON):
            self._start["status"], body = self._rewrite(self._start["status"], body)
            headers["content-length"] = str(len(body))
        return body


def as_json(fields: Fields) -> bytes:
    """Return fields as JSON, also those that hold what only escapes can carry."""
    return json.dumps(fields, separators=(",", ":")).encode()


def _shown(status: int, body: bytes) -> tuple[int, bytes]:
    answer: Fields = json.loads(body)
    return status, as_json(answers.order(answer)) if "statusHistory" in answer else body
