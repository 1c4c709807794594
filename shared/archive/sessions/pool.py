"""Sessions that are kept, lent to a call at a time, and opened again where somebody closed them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Self, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool

from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable
from shared.archive.sessions.connect import unavailable
from shared.archive.sessions.session import Session, conninfo, set_up
from shared.concurrency.cancellation import heeding

R = TypeVar("R")

logger = logging.getLogger(__name__)

_CONNECT_S = 3.0  # Longest wait for a session.
_DEADLINE_S = 10.0  # Longest wait for an answer, the session included.
_SESSIONS = 8  # At most; none is opened before it is needed.
# Told by psycopg_pool for each try and session, as long as the server is away: we tell it once.
_FAILED = "error connecting in"
_REPEATED = (
    _FAILED,
    "reconnection attempt in",
    "discarding broken connection",
    "discarding closed connection",
    "closing returned connection",
)


class _Repeated(logging.Filter):
    """Keeps what is said again and again off the log, and why a pool could not connect last."""

    def __init__(self) -> None:
        super().__init__()
        self.why: dict[str, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is news."""
        if record.msg.startswith(_FAILED) and isinstance(record.args, tuple):
            pool, error = record.args
            self.why[str(pool)] = str(error).partition("\n")[0]
        return not record.msg.startswith(_REPEATED)


_repeated = _Repeated()
logging.getLogger("psycopg.pool").addFilter(_repeated)


class _ClosedUnseen(Exception):
    """A server, a pooler or a firewall closes what lies idle."""


class Pool:
    """Lends sessions. Its calls may run at the same time."""

    def __init__(self, pool: AsyncConnectionPool[Session]) -> None:
        self._pool = pool
        self._is_away = False

    @classmethod
    async def open(cls, database_url: str) -> Self:
        """Return a pool that connects when it is first used.

        Raises `ValueError` when `database_url` cannot be read.
        """
        text, schema = conninfo(database_url)
        pool = AsyncConnectionPool(
            text,
            connection_class=Session,
            configure=partial(set_up, schema=schema),
            kwargs={"autocommit": True},
            min_size=0,
            max_size=_SESSIONS,
            timeout=_CONNECT_S,
            reconnect_timeout=_CONNECT_S,  # Then the next caller makes it try again.
            open=False,
        )
        await pool.open()
        return cls(pool)

    async def close(self) -> None:
        """Close every session."""
        await self._pool.close()

    def sessions(self) -> dict[str, int]:
        """Return how many sessions are in use and idle, and how many callers wait for one."""
        stats = self._pool.get_stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        return {
            "in_use": size - idle,
            "idle": idle,
            "waited_for": stats.get("requests_waiting", 0),
        }

    async def do(self, work: Callable[[Session], Awaitable[R]], within_s: float = _DEADLINE_S) -> R:
        """Return what `work` returns of a session. Raises `ArchiveUnavailable`.

        It is done again where its session had been closed while it lay idle, and was perhaps
        closed only now: all that is done here may be done twice.
        """
        try:
            with unavailable():
                async with asyncio.timeout(within_s):
                    done = await self._until_done(work)
        except ArchiveUnusable:
            self._tell("")  # It did answer.
            raise
        except ArchiveUnavailable as error:
            self._tell(str(error))
            raise
        self._tell("")
        return done

    def _tell(self, why_away: str) -> None:
        if why_away and not self._is_away:
            logger.warning(
                "PostgreSQL does not answer: %s",
                _repeated.why.get(self._pool.name, why_away),
            )
        elif self._is_away and not why_away:
            logger.info("PostgreSQL answers again")
            _repeated.why.pop(self._pool.name, None)
        self._is_away = bool(why_away)

    async def _until_done(self, work: Callable[[Session], Awaitable[R]]) -> R:
        began_s = asyncio.get_running_loop().time()
        while True:  # Each round takes another session from before out of the pool.
            with suppress(_ClosedUnseen):
                return await heeding(self._try(work, began_s))

    async def _try(self, work: Callable[[Session], Awaitable[R]], began_s: float) -> R:
        async with self._pool.connection() as session:
            session.check()
            try:
                return await work(session)
            except psycopg.OperationalError as error:
                if session.closed and session.since_s < began_s:
                    raise _ClosedUnseen from error
                raise
