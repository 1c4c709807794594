"""What Postgres is there, and what it lacks: for commands that look and do not touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection

from shared.archive.connect import connect, unavailable
from shared.archive.migrate import migrations

_IS_MIGRATED = "SELECT to_regclass('migrations') IS NOT NULL, clock_timestamp()"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """Which server answers, and which migrations it has not had. `version` is as 180006."""

    version: int
    missing: tuple[str, ...]
    now: datetime


async def database_facts(database_url: str) -> DatabaseFacts:
    """Ask the server what it is. Raises `ArchiveUnavailable`."""
    with unavailable():
        async with await connect(database_url) as connection:
            cursor = await connection.execute(_IS_MIGRATED)
            [(is_migrated, now)] = await cursor.fetchall()
            applied = await _applied(connection) if is_migrated else frozenset()
            return DatabaseFacts(
                version=connection.info.server_version,
                missing=tuple(name for name in migrations() if name not in applied),
                now=now,
            )


async def _applied(connection: AsyncConnection) -> frozenset[str]:
    cursor = await connection.execute("SELECT name FROM migrations")
    return frozenset([name for (name,) in await cursor.fetchall()])
