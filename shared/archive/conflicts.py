"""Events that contradict the archive: keep them beside it, look at them, release their orders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256

from msgspec import Struct
from psycopg.rows import class_row, tuple_row

from shared.archive.fold import Recorded
from shared.archive.sessions.session import Session, pin, read

_FIND = """
    SELECT given.place::int - 1
    FROM unnest(%s::uuid[], %s::int[], %s::text[])
        WITH ORDINALITY AS given (order_id, version, event, place)
    JOIN order_events AS kept USING (order_id, version)
    WHERE kept.event::text <> given.event
    ORDER BY order_id, version
"""
_KEEP = """
    INSERT INTO order_conflicts (order_id, version, digest, type, at, event, partition, entry)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_HALTED = """
    SELECT DISTINCT order_id::text FROM order_conflicts
    WHERE order_id = ANY(%s::uuid[]) AND released_at IS NULL
"""
_UNSETTLED = """
    SELECT order_id::text, version, entry, partition, found_at,
        other.type AS type, other.event AS event, kept.event::text AS kept_event
    FROM order_conflicts AS other JOIN order_events AS kept USING (order_id, version)
    WHERE released_at IS NULL
    ORDER BY found_at, order_id, version, digest
"""
_RELEASE = """
    UPDATE order_conflicts SET released_at = now()
    WHERE order_id = %s::uuid AND released_at IS NULL
"""


class Conflict(Struct, frozen=True, kw_only=True):
    """An event of a halted order, and the one of the same version that the archive has."""

    order_id: str
    version: int
    partition: int
    entry: str
    found_at: datetime
    type: str
    event: str
    kept_event: str


async def set_apart(session: Session, recorded: Sequence[Recorded]) -> list[Recorded]:
    """Return those events that the archive has with other content, and keep them beside it.

    It is called within a transaction.
    """
    rows = [(one.event.order_id, one.event.version, one.raw.decode()) for one in recorded]
    columns = [list(column) for column in zip(*rows, strict=True)]
    cursor = await session.execute(_FIND, columns)
    found = [recorded[place] for (place,) in await cursor.fetchall()]
    await cursor.executemany(_KEEP, map(_row, found))
    return found


def _row(one: Recorded) -> tuple[object, ...]:
    event, raw, (partition, entry) = one
    name = (event.order_id, event.version, sha256(raw).digest())
    return (*name, type(event).__name__, event.at, raw.decode(), partition, entry)


async def halted_of(session: Session, order_ids: Collection[str]) -> set[str]:
    """Return those of the orders that have a conflict which nobody has settled."""
    found = await read(session, _HALTED, [list(order_ids)], row_factory=tuple_row)
    return {order_id for (order_id,) in found}


async def unsettled(session: Session) -> list[Conflict]:
    """Return every conflict that nobody has settled, the oldest first."""
    return await read(session, _UNSETTLED, row_factory=class_row(Conflict))


async def settle(session: Session, order_id: str) -> int:
    """Note that an order's conflicts are settled; return how many were not."""
    async with session.transaction():
        await pin(session)
        return (await session.execute(_RELEASE, [order_id])).rowcount
