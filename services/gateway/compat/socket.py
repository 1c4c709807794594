"""WebSockets in the forerunners' words: what the client says, and what it is told."""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.compat import answers
from services.gateway.compat.answers import Fields
from services.gateway.compat.http import as_json
from services.gateway.compat.messages import Retelling, Telling, by_name, with_facts, with_order
from services.gateway.compat.requests import names_of, translated, written
from services.gateway.http.answers import EXECUTE, MANY
from services.gateway.http.problems import Problem
from services.gateway.orders.parsing import parse_fields
from shared.orders.states import END_STATUSES
from shared.tokens.registry import Tokens

BY_NAME = "/ws"


class Manner(NamedTuple):
    """How a socket's client is spoken to."""

    telling: Telling
    every: bool  # Every event, or only those that change the status.
    listens: bool = False  # What is wanted, and in which dialect, comes as the first message.


async def serve(app: ASGIApp, tokens: Tokens, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a socket, of whichever dialect it is."""
    manner = _manner_of(scope)
    if manner is None:
        await app(scope, receive, send)
        return
    if scope["path"] == BY_NAME:
        scope = {**scope, "path": EXECUTE, "raw_path": EXECUTE.encode()}
        scope["query_string"] = _from_the_start(QueryParams(scope["query_string"]))
    session = Session(receive, send, manner, tokens)
    await app(scope, session.receive, session.send)


def _from_the_start(query: QueryParams) -> bytes:
    given = [(name, value) for name, value in query.multi_items() if name != "since"]
    return urlencode(given if "orderId" in query else [*given, ("orderId", "")]).encode()


def _manner_of(scope: Scope) -> Manner | None:
    path, query = scope["path"], QueryParams(scope["query_string"])
    if path == BY_NAME:
        return Manner(by_name, every=False)
    if "since" in query:
        return None  # No forerunner could resume: this client is one of ours.
    if path == MANY or (path == EXECUTE and "orderId" not in query):
        return Manner(with_facts, every=False, listens=True)
    if path == EXECUTE:
        return Manner(with_facts, every=True)
    return Manner(with_order, every=True) if path.startswith("/api/orders/") else None


class Session:
    """One socket between a client of a forerunner and the gateway."""

    def __init__(self, receive: Receive, send: Send, manner: Manner, tokens: Tokens) -> None:
        self._receive = receive
        self._send = send
        self._manner = manner
        self._tokens = tokens
        self._listens = manner.listens
        self._foreign = not manner.listens
        self._orders: dict[str, Retelling] = {}
        self._names: dict[str, str] = {}  # The client's own, of our fields.

    async def receive(self) -> Message:
        """Return the client's next message in our words. A wrong order is answered here."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive" or not self._listens:
                return message
            try:
                return self._understood(message)
            except Problem as problem:
                await self._say(as_json(answers.refused(problem.fields(), self._names)))

    async def send(self, message: Message) -> None:
        """Send the client a message as it expects it, if it expects one."""
        if self._foreign and message["type"] == "websocket.send":
            if told := self._told(json.loads(message["text"])):
                await self._say(told)
        else:
            await self._send(message)

    def _understood(self, message: Message) -> Message:
        try:
            fields = parse_fields(message.get("text") or message.get("bytes") or "")
        except Problem:
            return message  # The gateway says what is wrong with it.
        if "action" in fields or not fields.keys() & {"orderId", "tokenIn"}:
            self._listens = self._foreign  # Who begins in our words goes on in them.
            return message
        self._foreign = True
        if "tokenIn" in fields:
            self._names = names_of(fields)
            order = written(translated(fields, self._tokens))
            text = b'{"action":"submit","markers":false,"order":%s}' % order
        else:
            text = written({"subscribe": fields["orderId"], "markers": False})
        return {"type": "websocket.receive", "text": text.decode()}

    def _told(self, said: Fields) -> bytes | None:
        if "version" in said and "type" in said:
            return self._retold(said)
        if "links" in said:
            return as_json(answers.accepted(said))
        problem = said if "code" in said else said.get("error")
        return as_json(answers.refused(problem, self._names) if problem else said)

    def _retold(self, event: Fields) -> bytes | None:
        order_id = event["orderId"]
        if event["version"] == 1:
            self._orders[order_id] = Retelling(self._manner.telling, every=self._manner.every)
        retelling = self._orders.get(order_id)
        if retelling is None:
            return as_json(event)  # Not followed from its beginning: a wish in our words.
        if self._listens and event["status"] in END_STATUSES:
            del self._orders[order_id]  # Such a socket may follow any number, one after another.
        return retelling.tell(event)

    async def _say(self, message: bytes) -> None:
        await self._send({"type": "websocket.send", "text": message.decode()})
