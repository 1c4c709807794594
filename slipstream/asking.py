"""Requests, in JSON and in addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
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

    The tokens go together; `until` itself is left out.
    """

    status: str
    venue: str
    token_in: str
    token_out: str
    client_order_id: str
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
}


def query_of(wanted: Filter, cursor: str | None, limit: int) -> Mapping[str, str]:
    """Return the query that asks for a page of orders."""
    given = {"limit": limit, "cursor": cursor, **wanted}
    return {
        _NAMES.get(name, name): value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in given.items()
        if value is not None
    }
