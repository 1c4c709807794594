"""Requests, in JSON and in addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict

import msgspec
from msgspec import Struct

from slipstream.errors import SlipstreamError
from slipstream.http import KEY

_VISIBLE = re.compile(r"[!-~]+")


class NewOrder(Struct, frozen=True, rename="camel", omit_defaults=True):
    """An order to place: give exactly `amount_in`, get as much of `token_out` as possible.

    `client_order_id` is the client's own name for it, used once: with the same name again it is
    the same order. After `expires_at`, an aware time, nothing is signed.
    """

    token_in: str
    token_out: str
    amount_in: Decimal | int | str
    max_slippage_bps: int = 100
    expires_at: datetime | None = None
    client_order_id: str | None = None

    def as_json(self) -> Any:
        """Return it as a JSON value. Amounts are strings, so that they stay exact."""
        return {**msgspec.to_builtins(self), "amountIn": str(self.amount_in)}


class Filter(TypedDict, total=False):
    """Which orders to list. `since` and `until` are about when they were submitted.

    The tokens go together; `until` itself is left out. `find` is the beginning of an id or a
    signature, or a whole `client_order_id`. With `updated_since`, the list is of what changed then
    or later, the oldest change first, and an order that changes meanwhile comes again.
    """

    status: str | Sequence[str]
    venue: str
    token_in: str
    token_out: str
    client_order_id: str
    signature: str
    find: str
    unresolved: bool
    contradicted: bool
    since: datetime
    until: datetime
    updated_since: datetime


class FillFilter(TypedDict, total=False):
    """Which fills to list. `since` and `until` are about when they were confirmed."""

    venue: str
    token_in: str
    token_out: str
    since: datetime
    until: datetime


def headers_of(key: str | None) -> Mapping[str, str]:
    """Return the headers that make a request safe to repeat under a key."""
    return {KEY: visible(key)} if key else {}


def visible(text: str) -> str:
    """Return what can be sent as a key. Raises `SlipstreamError` for what cannot."""
    if not _VISIBLE.fullmatch(text):
        raise SlipstreamError("A key consists of visible ASCII characters.")
    return text


_NAMES = {
    "token_in": "tokenIn",
    "token_out": "tokenOut",
    "client_order_id": "clientOrderId",
    "since": "from",
    "until": "to",
    "updated_since": "updatedSince",
}


def query_of(wanted: Filter | FillFilter, **page: object) -> Mapping[str, str]:
    """Return the query that asks for a list; what is None or False is left out."""
    return {
        _NAMES.get(name, name): _said(value)
        for name, value in {**page, **wanted}.items()
        if value is not None and value is not False
    }


def _said(value: object) -> str:
    match value:
        case True:
            return "true"
        case datetime():
            return value.isoformat()
        case str():
            return value
        case Sequence():
            return ",".join(map(str, value))
        case _:
            return str(value)
