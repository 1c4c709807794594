"""What Postgres is there, and what it lacks: for commands that look and do not touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection

from shared.archive.connect import connect, unavailable
from shared.archive.migrate import migrations

_COUNT_HALTED = "SELECT count(DISTINCT order_id) FROM order_conflicts WHERE released_at IS NULL"
_IS_MIGRATED = "SELECT to_regclass('migrations') IS NOT NULL, clock_timestamp()"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """Which server answers, and which migrations it has not had. `version` is as 180006.

    `halted` is how many orders wait for a person, because events of theirs contradict each other.
    """

    version: int
    missing: tuple[str, ...]
    now: datetime
    halted: int = 0


async def database_facts(database_url: str) -> DatabaseFacts:
    """Ask the server what it is. Raises `ArchiveUnavailable`."""
    with unavailable():
        async with await connect(database_url) as connection:
            cursor = await connection.execute(_IS_MIGRATED)
            [(is_migrated, now)] = await cursor.fetchall()
            applied = await _applied(connection) if is_migrated else frozenset()
            missing = tuple(name for name in migrations() if name not in applied)
            return DatabaseFacts(
                version=connection.info.server_version,
                missing=missing,
                now=now,
                halted=0 if missing else await _halted(connection),
            )


async def _halted(connection: AsyncConnection) -> int:
    cursor = await connection.execute(_COUNT_HALTED)
    [(count,)] = await cursor.fetchall()
    return int(count)


async def _applied(connection: AsyncConnection) -> frozenset[str]:
    cursor = await connection.execute("SELECT name FROM migrations")
    return frozenset([name for (name,) in await cursor.fetchall()])
