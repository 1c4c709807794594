"""Read a request's body: bounded, in time, and exactly as it was written."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from msgspec import Struct
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from services.gateway.http.answers import given_once
from services.gateway.http.problems import Code, FieldError, Problem
from services.gateway.orders.fast_parsing import plain_batch, plain_order
from services.gateway.orders.requests import (
    MAX_BATCH,
    UNKNOWN,
    UNKNOWN_SAID,
    JsonNumber,
    NewOrder,
    OrderRequest,
)
from shared.tokens.registry import Tokens

LIMIT = 65_536  # Bytes.
BATCH_LIMIT = 1_048_576
DEADLINE_S = 5.0

_LONGEST_INTEGER = 40  # Digits; Python is slow at long ones.
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be {expected}",
    "value_error": "{error}",
    "datetime_from_date_parsing": "is not a time: there is no such day, hour, minute or second",
    "datetime_parsing": "is not a time: there is no such day, hour, minute or second",
    UNKNOWN: UNKNOWN_SAID,
}


class Repeated(Struct, frozen=True):
    """An object that gives a field twice, in place of its fields: readers disagree on them."""

    name: str

    def errors(self) -> list[FieldError]:
        """Return what is wrong with it."""
        return [FieldError(self.name, "is given more than once")]


async def read_order(request: Request, tokens: Tokens) -> NewOrder:
    """Return the order that the body asks for. Raises `Problem`."""
    return parse_order(await _read(request, LIMIT), tokens)


async def read_batch(request: Request, tokens: Tokens) -> list[NewOrder | Problem]:
    """Return each order that the body asks for, or what is wrong with it. Raises `Problem`."""
    return parse_batch(await _read(request, BATCH_LIMIT), tokens)


async def _read(request: Request, limit: int) -> bytes:
    kind = given_once(request.headers, "content-type", Code.UNSUPPORTED_MEDIA_TYPE) or ""
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE)
    body = bytearray()
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise Problem(Code.BODY_TOO_LARGE, f"at most {limit} bytes are read")
    except TimeoutError:
        raise Problem(Code.BODY_TIMEOUT) from None
    except ClientDisconnect:
        raise Problem(Code.MALFORMED_BODY, "it ended early") from None
    return bytes(body)


def parse_order(body: bytes, tokens: Tokens) -> NewOrder:
    """Return the order that `body` asks for. Raises `Problem` that names every wrong field."""
    return plain_order(body, tokens) or judged_order(body, tokens)


def judged_order(body: bytes, tokens: Tokens) -> NewOrder:
    """Do what `parse_order` does, for any body, at the price of a closer look."""
    return _judge(parse_fields(body), tokens)


def parse_batch(body: bytes, tokens: Tokens) -> list[NewOrder | Problem]:
    """Return each order of a batch, or what is wrong with it.

    Raises `Problem` when the body is no batch as a whole.
    """
    return [*(plain_batch(body, tokens) or judged_batch(body, tokens))]


def judged_batch(body: bytes, tokens: Tokens) -> list[NewOrder | Problem]:
    """Do what `parse_batch` does, for any body, at the price of a closer look."""
    fields = parse_fields(body, Code.INVALID_BATCH)
    wrong = [FieldError(name, "is not a field of a batch") for name in fields if name != "orders"]
    orders = fields.get("orders")
    if not isinstance(orders, list) or not 1 <= len(orders) <= MAX_BATCH:
        wrong.append(FieldError("orders", f"must be a list of 1 to {MAX_BATCH} orders"))
    if wrong or not isinstance(orders, list):
        raise Problem(Code.INVALID_BATCH, errors=wrong)
    return [_judged(order, tokens) for order in orders]


def _judged(fields: object, tokens: Tokens) -> NewOrder | Problem:
    try:
        return _judge(fields, tokens)
    except Problem as problem:
        return problem


def _judge(fields: object, tokens: Tokens) -> NewOrder:
    if isinstance(fields, Repeated):
        raise Problem(Code.INVALID_ORDER, errors=fields.errors())
    if not isinstance(fields, dict):
        raise Problem(Code.INVALID_ORDER, "it must be an object")
    try:
        return OrderRequest.model_validate(fields, context=tokens).order()
    except ValidationError as error:
        unknown = {fault["type"] for fault in error.errors()} == {UNKNOWN}
        code = Code.UNKNOWN_TOKEN if unknown else Code.INVALID_ORDER
        raise Problem(code, errors=field_errors(error)) from None


def parse_fields(body: str | bytes, invalid: Code = Code.INVALID_ORDER) -> dict[str, Any]:
    """Return the fields of a JSON object, its numbers as they are written.

    Raises `Problem`: of the code `invalid` when a field is given more than once. An object inside
    that does so is `Repeated`, which no field accepts.
    """
    try:
        fields = _decode(body if isinstance(body, str) else body.decode())
    except (ValueError, RecursionError) as error:
        raise Problem(Code.MALFORMED_BODY, _reason(error)) from None
    if isinstance(fields, Repeated):
        raise Problem(invalid, errors=fields.errors())
    if not isinstance(fields, dict):
        raise Problem(Code.MALFORMED_BODY, "it must be an object")
    return fields


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


def field_errors(error: ValidationError) -> list[FieldError]:
    """Return what is wrong with each field, for people."""
    return [
        FieldError(".".join(str(part) for part in problem["loc"]), _message(problem))
        for problem in error.errors(include_url=False, include_input=False)
    ]


def _message(problem: Any) -> str:
    # Pydantic's own words are for programmers, and show patterns.
    return _WORDS.get(problem["type"], "is not valid").format_map(problem.get("ctx", {}))


def _integer(text: str) -> int | JsonNumber:
    return int(text) if len(text) <= _LONGEST_INTEGER else JsonNumber(text)


def _only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Repeated:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
    return Repeated(twice)


# NaN and Infinity, which are not JSON, come out as numbers that no field accepts, so that the
# answer can name the field.
_decode = json.JSONDecoder(
    parse_float=JsonNumber,
    parse_int=_integer,
    parse_constant=JsonNumber,
    object_pairs_hook=_only_once,
).decode
