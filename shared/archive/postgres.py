"""The archive: store events and what they fold to, and read them back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self, TypeAlias, get_args

import msgspec
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from shared.archive import packed
from shared.archive.connect import BATCH_LOCK, conninfo, statement, unavailable
from shared.archive.errors import ContentMismatch
from shared.archive.listing import Filter, ListedOrder, Place, list_orders
from shared.archive.merge import Recorded, distinct, merge
from shared.archive.open_orders import OpenOrder, next_open
from shared.archive.packed import Packed
from shared.orders.events import OrderEvent

_TYPES = {kind: kind.__name__.encode() for kind in get_args(OrderEvent)}

# Adds events; returns how many of each type were not there before.
_Add: TypeAlias = Callable[[AsyncConnection, Sequence[Recorded]], Awaitable["Counter[bytes]"]]

_CONNECT_S = 3.0  # Longest wait for a connection.
_DEADLINE_S = 10.0  # Longest wait for an answer, the connection included.
# The same for a batch. It is handed in again as it was, so a slow server must get through one.
_STORE_S = 30.0
_CONNECTIONS = 8  # At most; none is opened before it is needed.

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
_ADD_EVENTS = """
    INSERT INTO order_events (order_id, version, type, at, event)
    SELECT order_id, version, type, at, event::json
    FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::timestamptz[], %s::text[])
        AS given (order_id, version, type, at, event)
    ON CONFLICT (order_id, version) DO NOTHING
    RETURNING type
"""
_FIND_MISMATCH = """
    SELECT kept.order_id::text, kept.version
    FROM unnest(%s::uuid[], %s::int[], %s::text[]) AS given (order_id, version, event)
    JOIN order_events AS kept USING (order_id, version)
    WHERE kept.event::text <> given.event
    LIMIT 1
"""
_HISTORY = """
    SELECT version, event::text FROM order_events WHERE order_id = %s::uuid ORDER BY version
"""
_ENDED = """
    SELECT order_id::text FROM orders
    WHERE order_id = ANY(%s::uuid[]) AND ended_at IS NOT NULL
"""
_EVENT_COUNTS = "SELECT type, sum(events)::bigint FROM event_counts GROUP BY type"
_OPEN_ORDERS = "SELECT status, count(*) FROM orders WHERE outcome IS NULL GROUP BY status"
_LOCK_BATCH = "SELECT pg_advisory_xact_lock_shared(%s)"
_FOLD = statement("fold.sql")


class Archive:
    """Every event ever, and the orders they fold to. Its calls may run at the same time.

    Every call raises `ArchiveUnavailable` when Postgres does not answer in time.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, database_url: str) -> Self:
        """Return an archive that connects when it is first used.

        Raises `ValueError` when `database_url` cannot be read.
        """
        pool = AsyncConnectionPool(
            conninfo(database_url),
            kwargs={"autocommit": True},
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=_CONNECT_S,
            reconnect_timeout=_CONNECT_S,  # Then the next caller makes it try again.
            open=False,
        )
        await pool.open()
        return cls(pool)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def ping(self) -> None:
        """Return when Postgres has answered."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    def connections(self) -> dict[str, int]:
        """Return how many connections are in use and idle, and how many callers wait for one."""
        stats = self._pool.get_stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        return {
            "in_use": size - idle,
            "idle": idle,
            "waited_for": stats.get("requests_waiting", 0),
        }

    async def store(self, recorded: Sequence[Recorded]) -> dict[str, int]:
        """Keep the events and fold them into `orders`: all, or none. A repeat changes nothing.

        Return those of their orders that have ended and have no event missing here, each with the
        version it has come to.
        Raises `ContentMismatch` when an event is kept already with other content.
        """
        batch = distinct(recorded)
        if not batch:
            return {}
        try:
            return await self._store(batch, _add_new)
        except UniqueViolation:  # Some were stored before, by whoever crashed or was too slow.
            return await self._store(batch, _add_missing)

    async def _store(self, batch: Sequence[Recorded], add: _Add) -> dict[str, int]:
        async with self._connection(_STORE_S) as connection, connection.transaction():
            await connection.execute(_LOCK_BATCH, [BATCH_LOCK])
            added = await add(connection, batch)
            counts = [packed.texts([*added]), packed.integers([*added.values()])]
            async with connection.pipeline():
                await connection.execute(_COUNT_EVENTS, counts)
                return await fold(connection, batch)

    async def history(self, order_id: str) -> list[bytes]:
        """Return the order's events as they stood on the log, oldest first; maybe none.

        What lies behind one that has not come yet is left out.
        """
        async with self._connection() as connection:
            cursor = await connection.execute(_HISTORY, [order_id])
            kept = enumerate(await cursor.fetchall(), 1)
            return [event.encode() for place, (version, event) in kept if version == place]

    async def ended(self, order_ids: Sequence[str]) -> set[str]:
        """Return those of the orders whose end is kept here."""
        async with self._connection() as connection:
            cursor = await connection.execute(_ENDED, [list(order_ids)])
            return {order_id for (order_id,) in await cursor.fetchall()}

    async def event_counts(self) -> dict[str, int]:
        """Return how many events of each type are kept; types without any are left out."""
        async with self._connection() as connection:
            return dict(await (await connection.execute(_EVENT_COUNTS)).fetchall())

    async def open_orders(self) -> dict[str, int]:
        """Return how many orders that have not ended have each status."""
        async with self._connection() as connection:
            return dict(await (await connection.execute(_OPEN_ORDERS)).fetchall())

    async def orders(self, wanted: Filter, after: Place | None, limit: int) -> list[ListedOrder]:
        """Return up to `limit` of the wanted orders behind a place, newest first."""
        async with self._connection() as connection:
            return await list_orders(connection, wanted, after, limit)

    async def next_open(self, after: Place, limit: int) -> list[OpenOrder]:
        """Return up to `limit` of the orders behind a place that have not ended, oldest first."""
        async with self._connection() as connection:
            return await next_open(connection, after, limit)

    @asynccontextmanager
    async def _connection(self, within_s: float | None = None) -> AsyncIterator[AsyncConnection]:
        with unavailable():
            async with (
                asyncio.timeout(within_s or _DEADLINE_S),
                self._pool.connection() as connection,
            ):
                yield connection


async def fold(connection: AsyncConnection, batch: Sequence[Recorded]) -> dict[str, int]:
    """Join distinct events into `orders`.

    Return those of their orders that are complete, each with its version.
    """
    rows = msgspec.json.encode(merge(batch)).decode()
    cursor = await connection.execute(_FOLD, {"rows": rows})
    return {
        order_id: version for order_id, version, complete in await cursor.fetchall() if complete
    }


async def _add_new(connection: AsyncConnection, batch: Sequence[Recorded]) -> Counter[bytes]:
    async with connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        await copy.write(
            packed.rows(
                (event.order_id, event.version, _TYPES[type(event)], event.at, raw)
                for event, raw in batch
            )
        )
    kinds = Counter([type(event) for event, _ in batch])
    return Counter({_TYPES[kind]: count for kind, count in kinds.items()})


async def _add_missing(connection: AsyncConnection, batch: Sequence[Recorded]) -> Counter[bytes]:
    cursor = await connection.execute(_ADD_EVENTS, _columns(batch))
    added = Counter(kind.encode() for (kind,) in await cursor.fetchall())
    if added.total() < len(batch):
        await _refuse_mismatch(connection, batch)
    return added


def _columns(batch: Sequence[Recorded]) -> list[Packed]:
    return [
        packed.uuids([event.order_id for event, _ in batch]),
        packed.integers([event.version for event, _ in batch]),
        packed.texts([_TYPES[type(event)] for event, _ in batch]),
        packed.times([event.at for event, _ in batch]),
        packed.texts([raw for _, raw in batch]),
    ]


async def _refuse_mismatch(connection: AsyncConnection, batch: Sequence[Recorded]) -> None:
    order_ids, versions, _, _, raws = _columns(batch)
    cursor = await connection.execute(_FIND_MISMATCH, [order_ids, versions, raws])
    if mismatch := await cursor.fetchone():
        raise ContentMismatch(*mismatch)
