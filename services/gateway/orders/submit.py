"""Take orders in: accepted means on the log, and a lost answer makes no second order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from msgspec import UNSET
from starlette.requests import Request

from services.gateway.access.callers import Caller, Role, caller_of
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.appending import Appending
from services.gateway.orders.backpressure import Pressure
from services.gateway.orders.requests import NewOrder
from shared.clock import Clock
from shared.observability.log_context import subject
from shared.observability.metrics import ORDERS_ACCEPTED, ORDERS_REFUSED
from shared.observability.tracing import Begun, attributes_of, collector, traceparent_in
from shared.orders.events import OrderSubmitted
from shared.orders.values import SwapIntent
from shared.settings import GatewaySettings
from shared.streams.log.creation import Submission, Submitted
from shared.streams.log.log import Log
from shared.streams.log.order_ids import id_for_key, new_order_id

_KEY = re.compile(r"[!-~]{1,255}")
_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"')  # As Structured Fields write one (RFC 9651).
_ESCAPED = re.compile(r"\\(.)")


class Asked(NamedTuple):
    """Whose orders a request brings, under which Idempotency-Key, in which trace."""

    account: str
    key: str | None
    traceparent: str | None


def asked_by(caller: Caller, key: str | None, traceparents: Sequence[str]) -> Asked:
    """Return what a request says beside its orders, from its headers or what stands for them.

    Raises `Problem` for a caller that may not trade, and for what is no key.
    """
    caller.require(Role.TRADE)
    if key is not None and not _KEY.fullmatch(key):
        raise _no_key()
    return Asked(caller.account, key, traceparent_in(traceparents))


def asked_in(request: Request) -> Asked:
    """Return what a request's headers say beside its orders. Raises as `asked_by` does."""
    headers = request.headers
    key = key_in(headers.getlist("idempotency-key"))
    return asked_by(caller_of(request), key, headers.getlist("traceparent"))


def key_in(values: Sequence[str]) -> str | None:
    """Return the key that the values of the header Idempotency-Key name, if there are any.

    A key in double quotes, as the draft of the IETF writes them all, is what the quotes hold.
    Raises `Problem` for what is no one key.
    """
    if not values:
        return None
    if len(values) > 1:
        raise _no_key()
    [key] = values
    if not key.startswith('"'):
        return key
    quoted = _STRING.fullmatch(key)
    if quoted is None:
        raise _no_key()
    return _ESCAPED.sub(r"\1", quoted[1])


@contextmanager
def refusals_counted() -> Iterator[None]:
    """Count the `Problem` that ends the context."""
    try:
        yield
    except Problem as problem:
        ORDERS_REFUSED.labels(problem.code.name).inc()
        raise


def _no_key() -> Problem:
    how = "send one, of 1 to 255 visible ASCII characters, as it is or in double quotes"
    return Problem(Code.INVALID_IDEMPOTENCY_KEY, how)


def digest_of(account: str, intent: SwapIntent, client_order_id: str | None = None) -> str:
    """Return what two requests share exactly when they ask for the same."""
    asked = msgspec.json.encode((account, intent, *filter(None, [client_order_id])))
    return hashlib.blake2b(asked, digest_size=16).hexdigest()


class Intake:
    """Puts orders on the log, those that come at the same time together."""

    def __init__(
        self, log: Log, settings: GatewaySettings, clock: Clock, pressure: Pressure
    ) -> None:
        self._log = log
        self._pressure = pressure
        self._clock = clock
        self._append = Appending(log, settings)
        self.ask = self._append.ask  # Whether an order could be taken now.

    async def accept(self, order: NewOrder, asked: Asked) -> Submitted:
        """Return once the order is on the log, or was before under the same key.

        Without a key, the order's own `clientOrderId` is its key. Raises `Problem`: 503 when
        nothing was written, 504 when that is unknown, 409 when the key belongs to another order.
        """
        self._pressure.check()
        span = _begun(asked.traceparent)
        name = f"key:{asked.key}" if asked.key else None
        submission = self._submission(order, asked, name, span)
        try:
            taken = await self._append.one(submission)
        except BaseException as error:
            subject.set(submission.event)  # Only now: what goes well is not logged.
            _end(span, submission, error)
            raise
        if span:
            _end(span, submission, taken)
        ORDERS_ACCEPTED.inc()
        return taken

    async def accept_all(
        self, orders: Sequence[NewOrder | Problem], asked: Asked
    ) -> list[Submitted | Problem]:
        """Return what `accept` returns or raises, for each order of a batch; problems stay.

        The orders go to the log together. The key covers the batch: each order's place in it.
        Without a trace each order has one of its own.
        """
        try:
            self._pressure.check()
        except Problem as closed:
            return [order if isinstance(order, Problem) else closed for order in orders]
        submissions: dict[int, Submission] = {}
        spans: dict[int, Begun | None] = {}
        answers: dict[int, Submitted | Problem] = {}
        for place, order in enumerate(orders):
            if isinstance(order, Problem):
                answers[place] = order
            else:
                name = f"batch:{place}:{asked.key}" if asked.key else None
                span = spans[place] = _begun(asked.traceparent)
                submissions[place] = self._submission(order, asked, name, span)
        try:
            answers |= await self._append.all(submissions)
        except BaseException as error:
            for place, submission in submissions.items():
                _end(spans[place], submission, error)
            raise
        for place, submission in submissions.items():
            _end(spans[place], submission, answers[place])
        ORDERS_ACCEPTED.inc(sum(isinstance(answer, Submitted) for answer in answers.values()))
        return [answers[place] for place in range(len(orders))]

    def _submission(
        self, order: NewOrder, asked: Asked, name: str | None, span: Begun | None
    ) -> Submission:
        now, marker, digest = self._clock(), None, ""
        if name is None and order.client_order_id is not None:
            name = f"client:{order.client_order_id}"
        if name is None:
            order_id = new_order_id(now)
        else:
            marker, order_id = id_for_key(self._log.keys, asked.account, name, now)
            digest = digest_of(asked.account, order.intent, order.client_order_id)
        event = OrderSubmitted(
            order_id=order_id,
            version=1,
            at=now,
            intent=order.intent,
            account=asked.account,
            client_order_id=order.client_order_id,
            traceparent=(span.traceparent if span else asked.traceparent) or UNSET,
        )
        until_ms = self._append.until_ms(order_id)
        return Submission(event=event, until_ms=until_ms, marker=marker, digest=digest)


def _begun(traceparent: str | None) -> Begun | None:
    told = collector()
    return told.begin("order.submit", traceparent) if told else None


def _end(span: Begun | None, submission: Submission, what: Submitted | BaseException) -> None:
    """End the span of an order's intake, if it has one."""
    if span is None:
        return
    attributes = attributes_of(submission.event) | {
        "messaging.system": "redis",
        "messaging.operation.type": "send",
        "messaging.operation.name": "append",
    }
    if isinstance(what, BaseException):
        span.end(attributes, what)
        return
    attributes["slipstream.order.id"] = what.order_id
    span.end(attributes | {"slipstream.order.repeated": what.kind == "repeated"})
