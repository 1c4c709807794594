"""Store one batch in one transaction: events, conflicts, counts, and what they fold to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, get_args

import msgspec

from shared.archive import binary_copy
from shared.archive.conflicts import halted_of, set_apart
from shared.archive.distinct import Batch
from shared.archive.errors import ArchiveUnusable
from shared.archive.fold import Recorded, merge
from shared.archive.sessions.connect import BATCH_LOCK
from shared.archive.sessions.session import Session, pin
from shared.orders.events import OrderEvent

_TYPES = {kind: kind.__name__.encode() for kind in get_args(OrderEvent)}

# Adds events; returns how many of each type are to be counted yet.
Add: TypeAlias = Callable[[Session, Sequence[Recorded]], Awaitable["Counter[str]"]]

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
_RIGHTS = {
    "order_events": ("SELECT", "INSERT"),
    "orders": ("SELECT", "INSERT", "UPDATE"),
    "event_counts": ("SELECT", "INSERT", "UPDATE"),
    "order_conflicts": ("SELECT", "INSERT", "UPDATE"),
    "log_positions": ("SELECT", "INSERT", "UPDATE"),
}
_LACKING = """
    SELECT current_user, string_agg(format('%%s on %%s', privilege, name), ', ')
    FROM unnest(%s::text[], %s::text[]) AS needed (name, privilege)
    WHERE NOT has_table_privilege(name, privilege)
"""
_FOLD = files(__package__).joinpath("fold.sql").read_bytes()


class Stored(NamedTuple):
    """What a batch says about its orders.

    `complete`: ended, with no event missing and none in conflict, and the version each has come to.
    `halted`: an event of it came
    that is kept with other content, and nobody has settled that yet.
    """

    complete: Mapping[str, int] = MappingProxyType({})
    halted: frozenset[str] = frozenset()


async def store_batch(session: Session, batch: Batch, add: Add) -> Stored:
    """Store a batch: all, or nothing when the caller's transaction ends badly."""
    events, others = batch
    await pin(session, f"pg_advisory_xact_lock_shared({BATCH_LOCK})")
    uncounted = await add(session, events)
    halted: set[str] = set()
    if others or not uncounted:
        conflicts = await set_apart(session, [*events, *others])
        if conflicts:
            halted = await halted_of(session, {one.event.order_id for one in conflicts})
            apart = {one.raw for one in conflicts}
            events = [one for one in events if one.raw not in apart]
    async with session.pipeline():
        if uncounted:
            await session.execute(_COUNT_EVENTS, [[*uncounted], [*uncounted.values()]])
        return Stored(await fold(session, events), frozenset(halted))


async def fold(session: Session, events: Sequence[Recorded]) -> dict[str, int]:
    """Join distinct events into `orders`.

    Return those of their orders that are complete, each with its version.
    """
    rows = msgspec.json.encode(merge(events)).decode()
    cursor = await session.execute(_FOLD, {"rows": rows})
    found = await cursor.fetchall()
    return {order_id: version for order_id, version, complete in found if complete}


async def add_new(session: Session, events: Sequence[Recorded]) -> Counter[str]:
    """Add events of which none is there. Raises `UniqueViolation` where one is."""
    async with session.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        await copy.write(
            binary_copy.rows(
                (event.order_id, event.version, _TYPES[type(event)], event.at, raw)
                for event, raw, _ in events
            )
        )
    return Counter([type(one.event).__name__ for one in events])


async def add_missing(session: Session, events: Sequence[Recorded]) -> Counter[str]:
    """Add those events whose versions are not there, and count them."""
    rows = (
        (event.order_id, event.version, type(event).__name__, event.at, raw.decode())
        for event, raw, _ in events
    )
    await session.execute(_ADD_EVENTS, [list(column) for column in zip(*rows, strict=True)])
    return Counter()


async def check_rights(session: Session) -> None:
    """Raise `ArchiveUnusable` where nothing can be stored, and say what that lacks."""
    needed = [(name, right) for name, rights in _RIGHTS.items() for right in rights]
    async with session.transaction():  # To write: a standby has none of those.
        await pin(session)
        columns = [list(column) for column in zip(*needed, strict=True)]
        cursor = await session.execute(_LACKING, columns)
        [(role, lacking)] = await cursor.fetchall()
    if lacking:
        raise ArchiveUnusable(f"the role {role!r} may not {lacking}: grant it that")
