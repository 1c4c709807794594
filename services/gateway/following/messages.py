"""Messages over a socket that serves many orders: requests and their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from services.gateway.following.position import NEWEST
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.parsing import parse_fields

RequestId: TypeAlias = Annotated[str, Meta(max_length=64)] | int | None

PONG = b'{"type":"pong"}'


class _Request(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A request. With an `id` it gets exactly one message that has it as its `reply`."""

    id: RequestId = None


class Subscribe(_Request, frozen=True):
    """Follow an order from version `since` on."""

    subscribe: str
    since: Annotated[int, Meta(ge=0, le=NEWEST)] = 0
    markers: bool = True


class Unsubscribe(_Request, frozen=True):
    """Follow an order no more."""

    unsubscribe: str


class Submit(_Request, frozen=True):
    """Place an order, and follow it."""

    action: Literal["submit"]
    order: Raw
    idempotency_key: str | None = None
    traceparent: str | None = None  # A message has no headers.
    follow: bool = True
    markers: bool = True


class Withdraw(_Request, frozen=True):
    """Cancel an order."""

    action: Literal["cancel"]
    order_id: str


class Ping(_Request, frozen=True):
    """Ask for a sign of life."""

    action: Literal["ping"]


class Misunderstood(Struct, frozen=True):
    """A message with a mistake."""

    id: RequestId
    problem: Problem


Request: TypeAlias = Subscribe | Unsubscribe | Submit | Withdraw | Ping
Said: TypeAlias = Request | Misunderstood

_ACTIONS: dict[str, type[Request]] = {"submit": Submit, "cancel": Withdraw, "ping": Ping}
_HOW = (
    'say {"subscribe": <order id>}, {"unsubscribe": <order id>}, or '
    '{"action": "submit" or "cancel" or "ping"}'
)

_parts = msgspec.json.Decoder(dict[str, Raw])


def read_said(message: str | bytes) -> Said:
    """Return what a client said, or what is wrong with it. Order ids are not checked."""
    parts: Mapping[str, Raw] = {}
    try:
        parts = _parts.decode(message)
        if not _are_given_once(message, parts):
            parse_fields(message, Code.INVALID_MESSAGE)  # It names the field.
        kind = _kind(parts)
        if kind is None:
            return _misunderstood(parts, _HOW)
        return msgspec.json.decode(message, type=kind)
    except msgspec.DecodeError as error:
        return _misunderstood(parts, str(error))
    except RecursionError:
        return _misunderstood(parts, "it is nested too deeply")
    except Problem as problem:
        return Misunderstood(_id_in(parts), problem)


def _are_given_once(message: str | bytes, parts: Mapping[str, Raw]) -> bool:
    # The decoder keeps the last of fields with the same name. Then there are more quotation marks
    # in the message than in the fields that came out of it, for no field's name has any inside.
    marks = message.count('"') if isinstance(message, str) else message.count(b'"')
    return marks == 2 * len(parts) + b"".join(parts.values()).count(b'"')


def _kind(parts: Mapping[str, Raw]) -> type[Request] | None:
    if "subscribe" in parts:
        return Subscribe
    if "unsubscribe" in parts:
        return Unsubscribe
    return _ACTIONS.get(msgspec.json.decode(parts.get("action", b'""'), type=str))


def _misunderstood(parts: Mapping[str, Raw], why: str) -> Misunderstood:
    return Misunderstood(_id_in(parts), Problem(Code.INVALID_MESSAGE, why))


def _id_in(parts: Mapping[str, Raw]) -> RequestId:
    try:
        request_id: RequestId = msgspec.json.decode(parts.get("id", b"null"), type=RequestId)
    except msgspec.DecodeError:
        return None
    return request_id


def reply(request_id: RequestId, **fields: Any) -> bytes:
    """Return the answer to a request."""
    return msgspec.json.encode({"reply": request_id, **fields})


def refusal(request_id: RequestId, problem: Problem, order_id: str | None = None) -> bytes:
    """Return what a client is told when a request, or what it led to, failed."""
    error = {"orderId": order_id} if order_id else {}
    # Not msgspec: what clients send may hold lone surrogates, which only escapes can carry.
    return json.dumps({"reply": request_id, "error": error | problem.fields()}).encode()


def marker(name: str, order_id: str, version: int, request_id: RequestId = None) -> bytes:
    """Return what tells a client where in an order's events it is."""
    told = {"marker": name, "orderId": order_id, "version": version}
    return msgspec.json.encode(told if request_id is None else told | {"reply": request_id})
