"""Fold `orders` anew from the archive, and count its events, while projectors go on.

The new table grows in a schema of its own that is searched before the live one, so the migrations
that made the old table make it, and the statement that fills the old one fills it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString

from psycopg import sql

from shared.archive.errors import ArchiveUnusable, RebuildRunning
from shared.archive.fold import Recorded
from shared.archive.migrate import migrate, migrations
from shared.archive.sessions.connect import BATCH_LOCK, SCHEMA_LOCK, connect, unavailable
from shared.archive.sessions.session import Session
from shared.archive.storing import fold

Progress = Callable[[int, int], None]

_CHUNK = 2_000  # Events folded at once.
_OPEN_PASSES = 2  # Passes before the last one, for which projectors have to wait.

# An interrupted rebuild leaves its schema behind.
_MAKE_ROOM = sql.SQL("""
    DROP SCHEMA IF EXISTS slipstream_rebuild CASCADE;
    CREATE SCHEMA slipstream_rebuild;
    SET search_path = slipstream_rebuild, {live}
""")
_SWAP = sql.SQL("""
    DROP TABLE IF EXISTS {live}.orders;
    ALTER TABLE slipstream_rebuild.orders SET SCHEMA {live};
    DROP TABLE IF EXISTS {live}.event_counts;
    ALTER TABLE slipstream_rebuild.event_counts SET SCHEMA {live};
    DROP SCHEMA slipstream_rebuild
""")
_ARCHIVE = ("order_events", "order_conflicts", "log_positions")  # What is not folded from anything.
_DROP = sql.SQL("DROP TABLE slipstream_rebuild.{table}")
_LIVE_SCHEMA = "SELECT current_schema()"
# What this snapshot does not see was, or will be, added by `xmin` or a later transaction.
_FLOOR = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_COUNT = "SELECT count(*) FROM order_events WHERE tx >= %s"
_COUNT_BEFORE = """
    INSERT INTO event_counts SELECT type, 0, count(*) FROM order_events WHERE tx < %s GROUP BY type
"""
_COUNT_SINCE = """
    INSERT INTO event_counts SELECT type, 1, count(*) FROM order_events WHERE tx >= %s GROUP BY type
"""
_EVENTS = "SELECT event::text FROM order_events WHERE tx >= %s ORDER BY order_id, version"


async def rebuild(database_url: str, progress: Progress | None = None) -> int:
    """Replace `orders` by what the archive folds to; return how many events were folded.

    `progress(done, total)` is told after every chunk of events. Until the very end `orders` stays
    as it was. Raises `RebuildRunning` while another one is at work, and `ArchiveUnavailable`.
    """
    await migrate(database_url)
    with unavailable():
        async with await connect(database_url) as session:
            await _be_alone(session)
            return await _Rebuild(session, progress).run()


async def _be_alone(session: Session) -> None:
    if session.is_pooled:  # Then neither lock nor search path is sure to last.
        raise ArchiveUnusable(
            "a rebuild needs the server itself, not a pooler: give its own address"
        )
    # Held until the connection closes.
    if not await _one(session, "SELECT pg_try_advisory_lock(%s)", SCHEMA_LOCK):
        raise RebuildRunning("another rebuild or a migration is changing the tables")


class _Rebuild:
    def __init__(self, session: Session, progress: Progress | None) -> None:
        self._session = session
        self._progress = progress
        self._done = 0
        self._total = 0

    async def run(self) -> int:
        live = sql.Identifier(await _one(self._session, _LIVE_SCHEMA))
        async with self._session.transaction():
            await self._make_table(live)
        floor = 0
        for _ in range(_OPEN_PASSES):
            async with self._session.transaction():
                await self._session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                seen = await _one(self._session, _FLOOR)
                await self._fold_since(floor)
            floor = seen
        await self._session.execute(_COUNT_BEFORE, [floor])  # These change no more.
        async with self._session.transaction():
            await self._session.execute("SELECT pg_advisory_xact_lock(%s)", [BATCH_LOCK])
            await self._fold_since(floor)
            await self._session.execute(_COUNT_SINCE, [floor])
            await self._session.execute(_SWAP.format(live=live))
        return self._done

    async def _make_table(self, live: sql.Identifier) -> None:
        await self._session.execute(_MAKE_ROOM.format(live=live))
        for text in migrations().values():
            await self._session.execute(text)
        # The archive stays where it is; only tables of those names were in the way.
        for table in _ARCHIVE:
            await self._session.execute(_DROP.format(table=sql.Identifier(table)))

    async def _fold_since(self, floor: int) -> None:
        self._total += await _one(self._session, _COUNT, floor)
        async with self._session.cursor("archive") as cursor:
            await cursor.execute(_EVENTS, [floor])
            while chunk := await cursor.fetchmany(_CHUNK):
                await fold(self._session, [Recorded.read(raw.encode()) for (raw,) in chunk])
                self._done += len(chunk)
                if self._progress:
                    self._progress(self._done, self._total)


async def _one(session: Session, query: LiteralString, *values: int) -> Any:
    cursor = await session.execute(query, values)
    row = await cursor.fetchone()
    return row[0] if row else None
