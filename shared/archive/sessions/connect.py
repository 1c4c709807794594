"""Connections to Postgres, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import FeatureNotSupported, ReadOnlySqlTransaction

from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable
from shared.archive.sessions.session import Session, conninfo, set_up

# Every batch holds this lock shared; a rebuild takes it alone to swap the tables.
BATCH_LOCK = 7_130_001
# Held by whoever changes the tables themselves: a migration or a rebuild.
SCHEMA_LOCK = 7_130_002

_AWAY = (TimeoutError, psycopg.OperationalError, psycopg.InterfaceError)  # Or closed under us.
# The server's own words on what it has not, or will not do: no event is to blame.
_UNUSABLE = (psycopg.ProgrammingError, psycopg.NotSupportedError, psycopg.InternalError)

_ADVICE = {
    psycopg.errors.UndefinedTable: "is it migrated? Run `slipstream migrate`",
    psycopg.errors.UndefinedColumn: "is it migrated? Run `slipstream migrate`",
    psycopg.errors.InvalidSchemaName: "create that schema, or have DATABASE_URL name another",
    psycopg.errors.InsufficientPrivilege: "grant that to the role of DATABASE_URL",
    ReadOnlySqlTransaction: "have DATABASE_URL lead to the primary",
    FeatureNotSupported: "have DATABASE_URL lead to the primary",  # So says a standby at BEGIN.
}


async def connect(database_url: str) -> Session:
    """Return a connection to change tables with, in autocommit mode.

    Its statements may take long, but not wait long for others. Raises `ValueError` for a string
    that cannot be read, `ArchiveUnusable`, and `psycopg.OperationalError`.
    """
    text, schema = conninfo(database_url)
    session = await Session.connect(text, autocommit=True)
    try:
        await set_up(session, schema, lengthy=True)
        session.check()
    except BaseException:
        await session.close()
        raise
    return session


@contextmanager
def unavailable() -> Iterator[None]:
    """Raise `ArchiveUnavailable` for every error that says that Postgres is not there or fit."""
    try:
        yield
    except _AWAY as error:
        raise ArchiveUnavailable(_first_line(error)) from error
    except _UNUSABLE as error:
        if error.sqlstate is None:  # It is from psycopg: our mistake.
            raise
        advice = _ADVICE.get(type(error))
        said = _first_line(error)
        raise ArchiveUnusable(f"{said}: {advice}" if advice else said) from error


def _first_line(error: Exception) -> str:
    [line, *_] = str(error).splitlines() or [type(error).__name__]
    return line
