"""Store one batch in one transaction: events, conflicts, counts, and what they fold to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, get_args

import msgspec
from psycopg import AsyncConnection

from shared.archive import binary_copy
from shared.archive.conflicts import halted_of, set_apart
from shared.archive.connect import BATCH_LOCK, statement
from shared.archive.distinct import Batch
from shared.archive.fold import Recorded, merge
from shared.orders.events import OrderEvent

_TYPES = {kind: kind.__name__.encode() for kind in get_args(OrderEvent)}

# Adds events; returns how many of each type are to be counted yet.
Add: TypeAlias = Callable[[AsyncConnection, Sequence[Recorded]], Awaitable["Counter[str]"]]

# Quicker by a third than adding them one by one, but each must be new.
_COPY_EVENTS = """
    COPY order_events (order_id, version, type, at, event) FROM STDIN (FORMAT binary)
"""
_COUNT_EVENTS = """
    INSERT INTO event_counts AS kept (type, slot, events)
    SELECT type, pg_backend_pid() %% 32, events FROM unnest(%s::text[], %s::int[])
        AS given (type, events) ORDER BY type
    ON CONFLICT (type, slot) DO UPDATE SET events = kept.events + excluded.events
"""
# Counts what it adds: a statement that comes again adds nothing, and so counts nothing.
_ADD_EVENTS = """
    WITH added AS (
        INSERT INTO order_events (order_id, version, type, at, event)
        SELECT order_id, version, type, at, event::json
        FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::timestamptz[], %s::text[])
            AS given (order_id, version, type, at, event)
        ON CONFLICT (order_id, version) DO NOTHING
        RETURNING type
    )
    INSERT INTO event_counts AS kept (type, slot, events)
    SELECT type, pg_backend_pid() %% 32, count(*) FROM added GROUP BY type ORDER BY type
    ON CONFLICT (type, slot) DO UPDATE SET events = kept.events + excluded.events
"""
# A projector that dies or stands still in the middle must not hold its locks for longer than that.
_LOCK_BATCH = """
    SELECT set_config('idle_in_transaction_session_timeout', '30s', true),
        pg_advisory_xact_lock_shared(%s)
"""
_FOLD = statement("fold.sql")


class Stored(NamedTuple):
    """What a batch says about its orders.

    `complete`: ended, with no event missing and none in conflict, and the version each has come to.
    `halted`: an event of it came
    that is kept with other content, and nobody has settled that yet.
    """

    complete: Mapping[str, int] = MappingProxyType({})
    halted: frozenset[str] = frozenset()


async def store_batch(connection: AsyncConnection, batch: Batch, add: Add) -> Stored:
    """Store a batch: all, or nothing when the caller's transaction ends badly."""
    events, others = batch
    await connection.execute(_LOCK_BATCH, [BATCH_LOCK])
    uncounted = await add(connection, events)
    halted: set[str] = set()
    if others or not uncounted:
        conflicts = await set_apart(connection, [*events, *others])
        if conflicts:
            halted = await halted_of(connection, {one.event.order_id for one in conflicts})
            apart = {one.raw for one in conflicts}
            events = [one for one in events if one.raw not in apart]
    async with connection.pipeline():
        if uncounted:
            await connection.execute(_COUNT_EVENTS, [[*uncounted], [*uncounted.values()]])
        return Stored(await fold(connection, events), frozenset(halted))


async def fold(connection: AsyncConnection, events: Sequence[Recorded]) -> dict[str, int]:
    """Join distinct events into `orders`.

    Return those of their orders that are complete, each with its version.
    """
    rows = msgspec.json.encode(merge(events)).decode()
    cursor = await connection.execute(_FOLD, {"rows": rows})
    found = await cursor.fetchall()
    return {order_id: version for order_id, version, complete in found if complete}


async def add_new(connection: AsyncConnection, events: Sequence[Recorded]) -> Counter[str]:
    """Add events of which none is there. Raises `UniqueViolation` where one is."""
    async with connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        await copy.write(
            binary_copy.rows(
                (event.order_id, event.version, _TYPES[type(event)], event.at, raw)
                for event, raw, _ in events
            )
        )
    return Counter([type(one.event).__name__ for one in events])


async def add_missing(connection: AsyncConnection, events: Sequence[Recorded]) -> Counter[str]:
    """Add those events whose versions are not there, and count them."""
    rows = (
        (event.order_id, event.version, type(event).__name__, event.at, raw.decode())
        for event, raw, _ in events
    )
    await connection.execute(_ADD_EVENTS, [list(column) for column in zip(*rows, strict=True)])
    return Counter()
