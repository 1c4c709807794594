"""Read orders that are plainly valid, fast.

What is read here, `body` would read to the same. Whatever is not plain is left to it, be it valid
or not: it can say what is wrong, and takes its time for that.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from services.gateway.orders.requests import DEFAULT_SLIPPAGE_BPS, MAX_BATCH, NewOrder
from shared.orders.values import SwapIntent
from shared.tokens.registry import Tokens

# A number as it stands on the log, in quotes or not: nothing to take off, nothing to round.
_AMOUNT = re.compile(rb'"?((?:0|[1-9][0-9]{0,17})(?:\.([0-9]{0,17}[1-9]))?)"?')
_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z", re.ASCII)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_Bps: TypeAlias = Annotated[int, Meta(ge=0, le=10_000)]
_Name: TypeAlias = Annotated[str, Meta(pattern=r"^[!-~]{1,64}\Z")]


class _NotPlain(Exception):
    """It takes a closer look."""


class _Order(Struct, rename="camel", forbid_unknown_fields=True):
    token_in: str
    token_out: str
    amount_in: Raw
    max_slippage_bps: _Bps | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    client_order_id: _Name | UnsetType = UNSET

    def strings(self) -> int:
        """Return how many strings it was written with: its fields' names, and values."""
        strings = 5 + bytes(self.amount_in).startswith(b'"') + (self.max_slippage_bps is not UNSET)
        return strings + sum(
            2 for text in (self.expires_at, self.client_order_id) if text is not UNSET
        )

    def read(self, tokens: Tokens) -> NewOrder:
        """Return what it asks for. Raises `_NotPlain`."""
        written = _AMOUNT.fullmatch(self.amount_in)
        given, wanted = tokens.by_name.get(self.token_in), tokens.by_name.get(self.token_out)
        if written is None or given is None or wanted is None or given is wanted:
            raise _NotPlain
        if len(written[2] or b"") > given.decimals:
            raise _NotPlain
        amount = Decimal(written[1].decode())
        if not amount:
            raise _NotPlain
        bps, name = self.max_slippage_bps, self.client_order_id
        intent = SwapIntent(
            token_in=given.symbol,
            token_out=wanted.symbol,
            amount_in=amount,
            max_slippage_bps=DEFAULT_SLIPPAGE_BPS if bps is UNSET else bps,
            expires_at=None if self.expires_at is UNSET else _time(self.expires_at),
        )
        return NewOrder(intent, None if name is UNSET else name)


class _Batch(Struct, forbid_unknown_fields=True):
    orders: Annotated[list[_Order], Meta(min_length=1, max_length=MAX_BATCH)]


_order = msgspec.json.Decoder(_Order)
_batch = msgspec.json.Decoder(_Batch)


def plain_order(body: bytes, tokens: Tokens) -> NewOrder | None:
    """Return the order that a body asks for, if that is plain."""
    try:
        order = _order.decode(body)
        _check_once(body, order.strings())
        return order.read(tokens)
    except (*_UNREADABLE, _NotPlain):
        return None


def plain_batch(body: bytes, tokens: Tokens) -> list[NewOrder] | None:
    """Return the orders that a body asks for, if all of them are plain."""
    try:
        orders = _batch.decode(body).orders
        _check_once(body, 1 + sum(order.strings() for order in orders))
        return [order.read(tokens) for order in orders]
    except (*_UNREADABLE, _NotPlain):
        return None


def _check_once(body: bytes, strings: int) -> None:
    # The decoder keeps the last of fields with the same name. Then there are more strings in the
    # body than came out of it; without escapes, each is two quotation marks.
    if body.count(b'"') != 2 * strings or b"\\" in body:
        raise _NotPlain


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise _NotPlain
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _NotPlain from None
