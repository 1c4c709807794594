"""List orders, newest first, page by page. Pages are found by key: a deep one costs no more.

A page starts right behind the last order of the page before it, so that orders which come in
meanwhile move nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

from msgspec import Struct
from psycopg.rows import class_row

from shared.archive.session import Session, pin
from shared.orders.states import END_STATUSES, Status

_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

# A bitmap reads all that match before it sorts them; an index in order stops when the page is full.
IN_ORDER = "set_config('enable_bitmapscan', 'off', true)"

_COLUMNS: LiteralString = """
    order_id::text, client_order_id, account, status, version, token_in, token_out, amount_in,
    max_slippage_bps, expires_at, attempts, venue, quoted_out, min_out, signature, amount_out,
    price, failure_reason, unresolved, cancel_requested, contradicted, submitted_at, updated_at
"""
# Each says what one part of a `Filter` means.
_CONDITIONS: dict[str, LiteralString] = {
    "account": "account = %(account)s",
    "client_order_id": "client_order_id = %(client_order_id)s",
    "outcome": "outcome = %(outcome)s",
    "status": "outcome IS NULL AND status = %(status)s",
    "token_in": "token_in = %(token_in)s",
    "token_out": "token_out = %(token_out)s",
    "since": "submitted_at >= %(since)s",
}

_NEWEST_FIRST: LiteralString = """
    ORDER BY orders.submitted_at DESC, orders.order_id DESC LIMIT %(limit)s
"""
# The venue of an order that has not ended is in no index: those orders are few, and have one.
_ON_A_VENUE: tuple[LiteralString, ...] = (
    "ended_on = %(venue)s",
    "outcome IS NULL AND venue = %(venue)s",
)


class Place(NamedTuple):
    """Where a page begins: behind the order that was submitted then and has this id."""

    submitted_at: datetime
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders are meant; what is not given does not matter. `since` counts, `until` not."""

    account: str | None = None
    client_order_id: str | None = None
    status: Status | None = None
    venue: str | None = None
    token_in: str | None = None
    token_out: str | None = None
    since: datetime | None = None
    until: datetime | None = None


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

    @property
    def place(self) -> Place:
        """Return where the page behind this order begins."""
        return Place(self.submitted_at, self.order_id)


async def list_orders(
    session: Session, wanted: Filter, after: Place | None, limit: int
) -> list[ListedOrder]:
    """Return up to `limit` of the orders behind a place, newest first."""
    query, values = page_query(wanted, after, limit)
    async with session.cursor(row_factory=class_row(ListedOrder)) as cursor:
        async with session.pipeline():
            await pin(session, IN_ORDER)
            # Not prepared: which index is best depends on the values.
            await cursor.execute(query, values, prepare=False)
        return await cursor.fetchall()


async def count_orders(session: Session, wanted: Filter, most: int) -> int:
    """Return how many orders are wanted, counted up to `most`."""
    query, values = page_query(wanted, None, most)
    counted: LiteralString = "SELECT count(*) FROM (" + query + ") AS matching"  # noqa: S608 - literals
    async with session.pipeline():
        await pin(session, IN_ORDER)
        cursor = await session.execute(counted, values, prepare=False)
    [(count,)] = await cursor.fetchall()
    return int(count)


def page_query(
    wanted: Filter, after: Place | None, limit: int
) -> tuple[LiteralString, dict[str, Any]]:
    """Return the statement that reads one page, and its values."""
    start = Place(wanted.until, _FIRST_ID) if wanted.until else Place(_END_OF_TIME, _LAST_ID)
    start = min(after, start) if after else start
    conditions: LiteralString = "(submitted_at, order_id) < (%(at)s, %(id)s::uuid)"
    values: dict[str, Any] = {"at": start.submitted_at, "id": start.order_id, "limit": limit}
    for name, value in _given(wanted).items():
        conditions = conditions + " AND " + _CONDITIONS[name]
        values[name] = value
    orders: LiteralString = "orders WHERE " + conditions
    if wanted.venue is not None:
        values["venue"] = wanted.venue
        halves: list[LiteralString] = [
            "(SELECT * FROM " + orders + " AND " + half + _NEWEST_FIRST + ")"  # noqa: S608 - as below
            for half in _ON_A_VENUE
        ]
        orders = "(" + " UNION ALL ".join(halves) + ") AS orders"
    query: LiteralString = (
        "SELECT " + _COLUMNS + " FROM " + orders + _NEWEST_FIRST  # noqa: S608 - literals only
    )
    return query, values


def _given(wanted: Filter) -> dict[str, Any]:
    names = ("account", "client_order_id", "token_in", "token_out", "since")
    given = {name: getattr(wanted, name) for name in names if getattr(wanted, name) is not None}
    if wanted.status is not None:
        given["outcome" if wanted.status in END_STATUSES else "status"] = wanted.status
    return given
