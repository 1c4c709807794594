"""What Postgres is there, and what it lacks: for commands that look and do not touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import scalar_row

from shared.archive.errors import ArchiveUnusable
from shared.archive.migrate import applied_migrations, migrations
from shared.archive.sessions.connect import connect, unavailable
from shared.archive.sessions.session import Session, read
from shared.archive.storing import check_rights

_COUNT_HALTED = "SELECT count(DISTINCT order_id) FROM order_conflicts WHERE released_at IS NULL"
_NOW = "SELECT clock_timestamp()"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """Which server answers, and which migrations it has not had. `version` is as 180006.

    `halted` is how many orders wait for a person, because events of theirs contradict each other.
    `closed` says why nothing can be stored, if that is so.
    """

    version: int
    missing: tuple[str, ...]
    now: datetime
    halted: int = 0
    closed: str = ""


async def database_facts(database_url: str) -> DatabaseFacts:
    """Ask the server what it is. Raises `ArchiveUnavailable`."""
    with unavailable():
        async with await connect(database_url) as session:
            [now] = await read(session, _NOW, row_factory=scalar_row)
            applied = await applied_migrations(session)
            missing = tuple(name for name in migrations() if name not in applied)
            return DatabaseFacts(
                version=session.info.server_version,
                missing=missing,
                now=now,
                halted=0 if missing else await _halted(session),
                closed="" if missing else await _closed(session),
            )


async def _halted(session: Session) -> int:
    [count] = await read(session, _COUNT_HALTED, row_factory=scalar_row)
    return int(count)


async def _closed(session: Session) -> str:
    try:
        with unavailable():
            await check_rights(session)
    except ArchiveUnusable as error:
        return str(error)
    return ""
