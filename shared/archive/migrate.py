"""Bring the tables to what this version needs: plain SQL files, applied once and in order."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

from psycopg.rows import tuple_row

from shared.archive.errors import MigrationChanged
from shared.archive.sessions.connect import SCHEMA_LOCK, connect, unavailable
from shared.archive.sessions.session import Session, pin, read

_RECORD = """
    CREATE TABLE IF NOT EXISTS migrations (
        name       text PRIMARY KEY,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
_IS_THERE = "SELECT to_regclass('migrations') IS NOT NULL"
_APPLIED = "SELECT name, checksum FROM migrations"


async def migrate(database_url: str) -> list[str]:
    """Apply the migrations that are missing, all or none; return their names.

    Any number of processes may do so at once. Raises `MigrationChanged` when one that was applied
    reads otherwise now, and `ArchiveUnavailable`.
    """
    with unavailable():
        async with await connect(database_url) as session:
            # Mostly there is nothing to do, and then nobody is to wait for a rebuild.
            if not await missing_migrations(session):
                return []
            async with session.transaction():
                await pin(session, f"pg_advisory_xact_lock({SCHEMA_LOCK})")
                await session.execute(_RECORD)
                missing = await missing_migrations(session)
                for name, text in missing.items():
                    await _apply(session, name, text)
            return list(missing)


async def missing_migrations(session: Session) -> dict[str, bytes]:
    """Return the texts of the migrations this database has not had, by name, in order.

    Raises `MigrationChanged`.
    """
    applied = await applied_migrations(session)
    missing = {}
    for name, text in migrations().items():
        if name not in applied:
            missing[name] = text
        elif applied[name] != _checksum(text):
            raise MigrationChanged(f"{name} was applied and has been edited since")
    return missing


async def applied_migrations(session: Session) -> dict[str, str]:
    """Return the checksums of the migrations this database has had, by name."""
    if await read(session, _IS_THERE, row_factory=tuple_row) != [(True,)]:
        return {}
    return dict(await read(session, _APPLIED, row_factory=tuple_row))


async def _apply(session: Session, name: str, text: bytes) -> None:
    await session.execute(text)
    await session.execute(
        "INSERT INTO migrations (name, checksum) VALUES (%s, %s)", [name, _checksum(text)]
    )


def migrations() -> dict[str, bytes]:
    """Return every migration's text by its name, in the order they are applied."""
    folder = files(__package__).joinpath("migrations")
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return {file.name: file.read_bytes() for file in sorted(found, key=lambda file: file.name)}


def _checksum(text: bytes) -> str:
    return sha256(text).hexdigest()
