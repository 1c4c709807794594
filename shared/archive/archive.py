"""The archive: store events and what they fold to, and read them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, LiteralString, Self, TypeAlias, TypeVar

from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow, tuple_row

from shared.archive.conflicts import Conflict, halted_of, settle, unsettled
from shared.archive.distinct import Batch, distinct
from shared.archive.errors import ArchiveUnusable
from shared.archive.figures.quality import VenueQuality, quality
from shared.archive.figures.troubles import Troubles, troubles
from shared.archive.fold import Recorded
from shared.archive.lists.filters import Place
from shared.archive.lists.reading import Page, count_page, last_of, read_page
from shared.archive.open_orders import OpenCounts, OpenOrder, next_open, open_counts
from shared.archive.positions import Positions, advance, locked, positions
from shared.archive.sessions.pool import Pool
from shared.archive.sessions.session import Session, read
from shared.archive.storing import Add, Stored, add_missing, add_new, check_rights, store_batch
from shared.archive.swaps import next_swaps

R = TypeVar("R")
Tell: TypeAlias = Callable[[Positions], Awaitable[Collection[int]]]

# Longest wait for a batch. It is handed in again as it was, so a slow server must get through one.
_STORE_S = 30.0

_HISTORY = """
    SELECT version, event::text FROM order_events WHERE order_id = %s::uuid ORDER BY version
"""
_ENDED = """
    SELECT order_id::text FROM orders
    WHERE order_id = ANY(%s::uuid[]) AND ended_at IS NOT NULL
"""
_ACCOUNTS = """
    SELECT order_id::text, account FROM orders
    WHERE order_id = ANY(%s::uuid[]) AND account IS NOT NULL
"""
# May everything be read? No row is.
_LOOK = """
    SELECT FROM order_events, orders, event_counts, order_conflicts, log_positions LIMIT 0
"""
_EVENT_COUNTS = "SELECT type, sum(events)::bigint FROM event_counts GROUP BY type"


class Archive:
    """Every event ever, and the orders they fold to. Its calls may run at the same time.

    Every call raises `ArchiveUnavailable` when Postgres does not answer in time.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.closed = ""  # Why nothing can be stored, as far as that was looked at.

    @classmethod
    async def open(cls, database_url: str) -> Self:
        """Return an archive that connects when it is first used.

        Raises `ValueError` when `database_url` cannot be read.
        """
        return cls(await Pool.open(database_url))

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def ping(self) -> None:
        """Return when Postgres has answered and may be read."""
        await self._read(_LOOK)

    async def may_store(self) -> None:
        """Return when batches could be stored. Raises `ArchiveUnusable` with what that lacks.

        `closed` says the same until it is looked at again.
        """
        try:
            await self._pool.do(check_rights)
        except ArchiveUnusable as error:
            self.closed = str(error)
            raise
        self.closed = ""

    def connections(self) -> dict[str, int]:
        """Return how many connections are in use and idle, and how many callers wait for one."""
        return self._pool.sessions()

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
        async def work(session: Session) -> Stored:
            async with session.transaction():
                return await store_batch(session, batch, add)

        return await self._pool.do(work, _STORE_S)

    async def halted(self, order_ids: Collection[str]) -> set[str]:
        """Return those of the orders that have a conflict which nobody has settled."""
        return await self._pool.do(partial(halted_of, order_ids=order_ids))

    async def conflicts(self) -> list[Conflict]:
        """Return every conflict that nobody has settled, the oldest first."""
        return await self._pool.do(unsettled)

    async def settle(self, order_id: str) -> int:
        """Note that an order's conflicts are settled; return how many were not."""
        return await self._pool.do(partial(settle, order_id=order_id))

    async def positions(self, namespace: str) -> Positions:
        """Return how far each partition of a log is archived, as Redis has been told."""
        return await self._pool.do(partial(positions, namespace=namespace))

    async def advance(self, namespace: str, reached: Positions, tell: Tell) -> None:
        """Note how far partitions are archived, once Redis was told. None goes back.

        `tell` is given how far that was noted before. It returns for which partitions it may be.
        """

        async def work(session: Session) -> None:
            async with session.transaction():
                agreed = await tell(await locked(session, namespace, reached))
                await advance(session, namespace, {p: reached[p] for p in agreed})

        await self._pool.do(work)

    async def history(self, order_id: str) -> list[bytes]:
        """Return the order's events as they stood on the log, oldest first; maybe none.

        What lies behind one that has not come yet is left out.
        """
        kept = enumerate(await self._read(_HISTORY, [order_id]), 1)
        return [event.encode() for place, (version, event) in kept if version == place]

    async def ended(self, order_ids: Sequence[str]) -> set[str]:
        """Return those of the orders whose end is kept here."""
        return {order_id for (order_id,) in await self._read(_ENDED, [list(order_ids)])}

    async def accounts(self, order_ids: Sequence[str]) -> dict[str, str]:
        """Return whose the orders are, of those that are kept here."""
        return dict(await self._read(_ACCOUNTS, [list(order_ids)]))

    async def event_counts(self) -> dict[str, int]:
        """Return how many events of each type are kept; types without any are left out."""
        return dict(await self._read(_EVENT_COUNTS))

    async def open_orders(self) -> OpenCounts:
        """Return how many orders that have not ended have each status."""
        return await self._pool.do(open_counts)

    async def troubles(self, account: str | None, now: datetime) -> Troubles:
        """Return the orders of an account, or of all, that need somebody."""
        return await self._pool.do(partial(troubles, account=account, now=now))

    async def quality(
        self, account: str | None, since: datetime, until: datetime
    ) -> list[VenueQuality]:
        """Return how well the newest orders of an account, or of all, were done at each venue."""
        return await self._pool.do(partial(quality, account=account, since=since, until=until))

    async def page(self, page: Page[R]) -> list[R]:
        """Return the rows of a page of a list."""
        return await self._pool.do(partial(read_page, page=page))

    async def count(self, page: Page[Any]) -> int:
        """Return how many rows a page has."""
        return await self._pool.do(partial(count_page, page=page))

    async def last_of(self, page: Page[R], skip: int) -> list[R]:
        """Return the rows of a page behind the first `skip`, which stay where they are."""
        return await self._pool.do(partial(last_of, page=page, skip=skip))

    async def next_open(self, after: Place, limit: int) -> list[OpenOrder]:
        """Return up to `limit` of the orders behind a place that have not ended, oldest first."""
        return await self._pool.do(partial(next_open, after=after, limit=limit))

    async def next_swaps(self, after: str, limit: int) -> list[tuple[str, bytes | None]]:
        """Return what `limit` orders behind an order's id have signed, confirmed, or lost again."""
        return await self._pool.do(partial(next_swaps, after=after, limit=limit))

    async def _read(self, query: LiteralString, values: Sequence[Any] = ()) -> list[TupleRow]:
        return await self._pool.do(partial(read, query=query, values=values, row_factory=tuple_row))
