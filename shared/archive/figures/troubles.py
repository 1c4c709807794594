"""Orders that need somebody: unresolved for long, contradicted lately, halted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from msgspec import Struct
from psycopg.rows import class_row

from shared.archive.sessions.session import Session, read

MOST_COUNTED: Final = 1_000
_SHOWN: Final = 5
_UNRESOLVED_FOR: Final = timedelta(seconds=60)
_CONTRADICTED_FOR: Final = timedelta(days=1)
# An order may have been on its way for as long before it ended and was contradicted.
_ON_ITS_WAY: Final = timedelta(days=1)

_UNRESOLVED: Final = """
    SELECT order_id::text, status, updated_at AS since, count(*) OVER () AS together FROM (
        SELECT order_id, status, updated_at, submitted_at FROM orders
        WHERE outcome IS NULL AND unresolved AND updated_at <= %(unresolved)s
            AND (%(account)s::text IS NULL OR account = %(account)s)
        ORDER BY submitted_at, order_id LIMIT %(counted)s
    ) AS found ORDER BY submitted_at, order_id LIMIT %(shown)s
"""
_CONTRADICTED: Final = """
    SELECT order_id::text, status, updated_at AS since, count(*) OVER () AS together FROM (
        SELECT order_id, status, updated_at, submitted_at FROM orders
        WHERE contradicted AND submitted_at >= %(submitted)s AND updated_at >= %(contradicted)s
            AND (%(account)s::text IS NULL OR account = %(account)s)
        ORDER BY submitted_at DESC, order_id DESC LIMIT %(counted)s
    ) AS found ORDER BY submitted_at DESC, order_id DESC LIMIT %(shown)s
"""
_HALTED: Final = """
    SELECT order_id::text, status, since, count(*) OVER () AS together FROM (
        SELECT order_id, status, min(found_at) AS since
        FROM order_conflicts JOIN orders USING (order_id)
        WHERE released_at IS NULL AND (%(account)s::text IS NULL OR account = %(account)s)
        GROUP BY order_id, status ORDER BY since, order_id LIMIT %(counted)s
    ) AS found ORDER BY since, order_id LIMIT %(shown)s
"""


class Troubled(Struct, frozen=True, kw_only=True):
    """An order, and how many there are of its kind `together`, counted up to 1,001."""

    order_id: str
    status: str
    since: datetime
    together: int


class Troubles(Struct, frozen=True, kw_only=True):
    """Five at most of each kind: the oldest, of contradicted ones the newest."""

    unresolved: list[Troubled]
    contradicted: list[Troubled]
    halted: list[Troubled]


async def troubles(session: Session, account: str | None, now: datetime) -> Troubles:
    """Return the orders of an account, or of all, that need somebody.

    Those that are unresolved for more than a minute, those that were contradicted within a day, and
    those that are halted.
    """
    values: dict[str, Any] = {
        "account": account,
        "unresolved": now - _UNRESOLVED_FOR,
        "contradicted": now - _CONTRADICTED_FOR,
        "submitted": now - _CONTRADICTED_FOR - _ON_ITS_WAY,
        "counted": MOST_COUNTED + 1,
        "shown": _SHOWN,
    }

    async def found(query: LiteralString) -> list[Troubled]:
        return await read(session, query, values, row_factory=class_row(Troubled))

    return Troubles(
        unresolved=await found(_UNRESOLVED),
        contradicted=await found(_CONTRADICTED),
        halted=await found(_HALTED),
    )
