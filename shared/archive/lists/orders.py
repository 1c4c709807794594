"""List orders, page by page. Pages are found by key: a deep one costs no more.

A page starts right behind the last order of the page before it, so that orders which come in
meanwhile move nothing.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, LiteralString

from msgspec import Struct
from psycopg.rows import class_row

from shared.archive.lists.filters import Filter, Place
from shared.archive.lists.statements import IN_ORDER, page_query
from shared.archive.session import Session, pin

COLUMNS: LiteralString = """
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

    def place(self, ranked_by: Literal["submitted", "updated"]) -> Place:
        """Return where the page behind this order begins, in a list in the order of that time."""
        at = self.submitted_at if ranked_by == "submitted" else self.updated_at
        return Place(at, self.order_id)


async def list_orders(
    session: Session, wanted: Filter, after: Place | None, limit: int
) -> list[ListedOrder]:
    """Return up to `limit` of the orders behind a place, in the order of the list."""
    query, values = page_query(wanted, after, limit, COLUMNS)
    async with session.cursor(row_factory=class_row(ListedOrder)) as cursor:
        async with session.pipeline():
            await pin(session, IN_ORDER)
            # Not prepared: which index is best depends on the values.
            await cursor.execute(query, values, prepare=False)
        return await cursor.fetchall()


async def count_orders(session: Session, wanted: Filter, most: int) -> int:
    """Return how many orders are wanted, counted up to `most`."""
    query, values = page_query(wanted, None, most, COLUMNS)
    counted: LiteralString = "SELECT count(*) FROM (" + query + ") AS matching"  # noqa: S608 - literals
    async with session.pipeline():
        await pin(session, IN_ORDER)
        cursor = await session.execute(counted, values, prepare=False)
    [(count,)] = await cursor.fetchall()
    return int(count)
