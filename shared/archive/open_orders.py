"""The orders that have not ended, as far as the archive knows: counted, and walked over."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct
from psycopg.rows import class_row, tuple_row

from shared.archive.lists.filters import Place
from shared.archive.sessions.session import Session, read

BEGINNING = Place(datetime.min.replace(tzinfo=UTC), "00000000-0000-0000-0000-000000000000")

# Read off the partial index `orders_open`, so a page costs what it holds.
_PAGE = """
    SELECT order_id::text, version, submitted_at, updated_at FROM orders
    WHERE outcome IS NULL AND (submitted_at, order_id) > (%s, %s::uuid)
    ORDER BY submitted_at, order_id LIMIT %s
"""
_COUNTS = """
    SELECT status, count(*), count(*) FILTER (WHERE unresolved) FROM orders
    WHERE outcome IS NULL GROUP BY status
"""


class OpenCounts(Struct, frozen=True):
    """How many have each status, and how many of all are unresolved."""

    by_status: dict[str, int]
    unresolved: int


class OpenOrder(Struct, frozen=True, kw_only=True):
    """How far the archive has come with an order."""

    order_id: str
    version: int
    submitted_at: datetime
    updated_at: datetime

    @property
    def place(self) -> Place:
        """Return where the page behind this order begins."""
        return Place(self.submitted_at, self.order_id)


async def next_open(session: Session, after: Place, limit: int) -> list[OpenOrder]:
    """Return up to `limit` of the orders behind a place that have not ended."""
    return await read(session, _PAGE, [*after, limit], row_factory=class_row(OpenOrder))


async def open_counts(session: Session) -> OpenCounts:
    """Return how many orders that have not ended have each status."""
    rows = await read(session, _COUNTS, row_factory=tuple_row)
    return OpenCounts({status: count for status, count, _ in rows}, sum(row[2] for row in rows))
