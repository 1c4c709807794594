"""The archive: store events and what they fold to, and read them back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Self, TypeAlias

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from shared.archive.conflicts import Conflict, halted_of, settle, unsettled
from shared.archive.connect import conninfo, unavailable
from shared.archive.distinct import Batch, distinct
from shared.archive.fold import Recorded
from shared.archive.listing import Filter, ListedOrder, Place, list_orders
from shared.archive.open_orders import OpenOrder, next_open
from shared.archive.positions import Positions, advance, locked, positions
from shared.archive.storing import Add, Stored, add_missing, add_new, store_batch

Tell: TypeAlias = Callable[[Positions], Awaitable[Collection[int]]]

_CONNECT_S = 3.0  # Longest wait for a connection.
_DEADLINE_S = 10.0  # Longest wait for an answer, the connection included.
# The same for a batch. It is handed in again as it was, so a slow server must get through one.
_STORE_S = 30.0
_CONNECTIONS = 8  # At most; none is opened before it is needed.

_HISTORY = """
    SELECT version, event::text FROM order_events WHERE order_id = %s::uuid ORDER BY version
"""
_ENDED = """
    SELECT order_id::text FROM orders
    WHERE order_id = ANY(%s::uuid[]) AND ended_at IS NOT NULL
"""
_EVENT_COUNTS = "SELECT type, sum(events)::bigint FROM event_counts GROUP BY type"
_OPEN_ORDERS = "SELECT status, count(*) FROM orders WHERE outcome IS NULL GROUP BY status"


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

    async def store(self, recorded: Sequence[Recorded]) -> Stored:
        """Keep the events and fold them into `orders`: all, or none. A repeat changes nothing.

        One that is kept already with other content goes to `order_conflicts` instead.
        """
        batch = distinct(recorded)
        if not batch.events:
            return Stored()
        try:
            return await self._store(batch, add_new)
        except UniqueViolation:  # Some were stored before, by whoever crashed or was too slow.
            return await self._store(batch, add_missing)

    async def _store(self, batch: Batch, add: Add) -> Stored:
        async with self._connection(_STORE_S) as connection, connection.transaction():
            return await store_batch(connection, batch, add)

    async def halted(self, order_ids: Collection[str]) -> set[str]:
        """Return those of the orders that have a conflict which nobody has settled."""
        async with self._connection() as connection:
            return await halted_of(connection, order_ids)

    async def conflicts(self) -> list[Conflict]:
        """Return every conflict that nobody has settled, the oldest first."""
        async with self._connection() as connection:
            return await unsettled(connection)

    async def settle(self, order_id: str) -> int:
        """Note that an order's conflicts are settled; return how many were not."""
        async with self._connection() as connection:
            return await settle(connection, order_id)

    async def positions(self, namespace: str) -> Positions:
        """Return how far each partition of a log is archived, as Redis has been told."""
        async with self._connection() as connection:
            return await positions(connection, namespace)

    async def advance(self, namespace: str, reached: Positions, tell: Tell) -> None:
        """Note how far partitions are archived, once Redis was told. None goes back.

        `tell` is given how far that was noted before. It returns for which partitions it may be.
        """
        async with self._connection() as connection, connection.transaction():
            agreed = await tell(await locked(connection, namespace, reached))
            await advance(connection, namespace, {p: reached[p] for p in agreed})

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
