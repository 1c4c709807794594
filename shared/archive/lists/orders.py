"""List orders, page by page. Pages are found by key: a deep one costs no more.

A page starts right behind the last order of the page before it, so that orders which come in
meanwhile move nothing.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

import msgspec
from msgspec import Struct

from shared.archive.fold import OrderRow
from shared.archive.lists.fills import Fill
from shared.archive.lists.filters import Filter, Place
from shared.archive.lists.reading import Page
from shared.archive.lists.statements import page_query
from shared.orders.codec import builtins
from shared.orders.telling.figures import vs_quote_bps

AGAINST = "vsQuoteBps"  # What lists show besides the columns.

_COLUMNS: LiteralString = """
    order_id::text, client_order_id, account, status, version, token_in, token_out, amount_in,
    max_slippage_bps, expires_at, attempts, venue, quoted_out, min_out, signature, amount_out,
    price, failure_reason, unresolved, cancel_requested, contradicted, submitted_at, updated_at
"""


class ListedOrder(Struct, frozen=True, kw_only=True, rename="camel"):
    """An order as it stands in the table, without its quotes and its history."""

    order_id: str
    client_order_id: str | None
    account: str
    status: str
    version: int
    token_in: str
    token_out: str
    amount_in: Decimal
    max_slippage_bps: int
    expires_at: datetime | None
    attempts: int
    venue: str | None
    quoted_out: Decimal | None
    min_out: Decimal | None
    signature: str | None
    amount_out: Decimal | None
    price: Decimal | None
    failure_reason: str | None
    unresolved: bool
    cancel_requested: bool
    contradicted: bool
    submitted_at: datetime
    updated_at: datetime

    def place(self, by_change: bool) -> Place:
        """Return where the page behind this order begins, in a list of changes or another."""
        return Place(self.updated_at if by_change else self.submitted_at, self.order_id)


def orders_page(wanted: Filter, after: Place | None, limit: int) -> Page[ListedOrder]:
    """Return how one page behind a place is read, in the order of the list."""
    return Page(*page_query(wanted, after, limit, _COLUMNS), ListedOrder)


def summary(row: ListedOrder | Fill) -> dict[str, Any]:
    """Return an order, or a fill, as a list shows it, in plain JSON types."""
    against = vs_quote_bps(row.amount_out, row.quoted_out)
    fields: dict[str, Any] = builtins(row)
    return {**fields, AGAINST: builtins(against)}


def listed(row: OrderRow) -> ListedOrder:
    """Return an order as it will stand in the table, from all of its events.

    Raises `msgspec.ValidationError` for a row that lacks the first of them.
    """
    return msgspec.convert(row, ListedOrder, from_attributes=True)
