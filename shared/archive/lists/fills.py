"""List fills: confirmed swaps, by when they were confirmed, the newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString

from msgspec import Struct

from shared.archive.lists.filters import FillFilter, Place
from shared.archive.lists.reading import Page

_LAST = Place(datetime.max.replace(tzinfo=UTC), "ffffffff-ffff-ffff-ffff-ffffffffffff")
_FIRST_ID = "00000000-0000-0000-0000-000000000000"

_COLUMNS: LiteralString = """
    order_id::text, client_order_id, account, venue, token_in, token_out, amount_in, amount_out,
    price, quoted_out, signature, contradicted, submitted_at, ended_at AS confirmed_at
"""
_CONDITIONS: dict[str, LiteralString] = {
    "account": "account = %(account)s",
    "venue": "ended_on = %(venue)s",
    "token_in": "token_in = %(token_in)s",
    "token_out": "token_out = %(token_out)s",
    "since": "ended_at >= %(since)s",
}


class Fill(Struct, frozen=True, kw_only=True, rename="camel"):
    """A confirmed swap, as the order's row tells it.

    `contradicted`: the chain has said otherwise since; see the order.
    """

    order_id: str
    client_order_id: str | None
    account: str
    venue: str | None
    token_in: str
    token_out: str
    amount_in: Decimal
    amount_out: Decimal
    price: Decimal
    quoted_out: Decimal | None
    signature: str
    contradicted: bool
    submitted_at: datetime
    confirmed_at: datetime

    @property
    def place(self) -> Place:
        """Return where the page behind this fill begins."""
        return Place(self.confirmed_at, self.order_id)


def fills_page(wanted: FillFilter, after: Place | None, limit: int) -> Page[Fill]:
    """Return how one page behind a place is read."""
    start = Place(wanted.until, _FIRST_ID) if wanted.until else _LAST
    start = min(after, start) if after else start
    values: dict[str, Any] = {"at": start.at, "id": start.order_id, "limit": limit}
    # Not known yet where the beginning of the order has not been stored.
    conditions: LiteralString = """outcome = 'confirmed' AND submitted_at IS NOT NULL
        AND (ended_at, order_id) < (%(at)s, %(id)s::uuid) AND ended_at IS NOT NULL"""
    for name, condition in _CONDITIONS.items():
        if value := getattr(wanted, name):
            conditions = conditions + " AND " + condition
            values[name] = value
    rows: LiteralString = "SELECT " + _COLUMNS + " FROM orders WHERE " + conditions  # noqa: S608 - literals only
    order: LiteralString = " ORDER BY ended_at DESC, orders.order_id DESC LIMIT %(limit)s"
    return Page(rows + order, values, Fill)
