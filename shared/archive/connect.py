"""Connections to Postgres, and which of its errors mean that it is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.archive.errors import ArchiveUnavailable

# A peer that vanished without a word is noticed within about half a minute.
_DEFAULTS: dict[str, str | int] = {
    "application_name": "slipstream",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

# Every batch holds this lock shared; a rebuild takes it alone to swap the tables.
BATCH_LOCK = 7_130_001
# Held by whoever changes the tables themselves: a migration or a rebuild.
SCHEMA_LOCK = 7_130_002

_AWAY = (
    TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,  # The connection was closed under us.
    psycopg.errors.ReadOnlySqlTransaction,  # A standby that is not yet promoted.
    psycopg.errors.UndefinedTable,  # Not migrated yet.
)


def conninfo(database_url: str) -> str:
    """Return the connection string with our time limits where it gives none.

    Raises `ValueError` for one that cannot be read.
    """
    try:
        given = conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        # The error repeats the string, and with it the password.
        raise ValueError("DATABASE_URL is no PostgreSQL connection string") from None
    missing = {name: value for name, value in _DEFAULTS.items() if name not in given}
    return make_conninfo(database_url, **missing)


async def connect(database_url: str) -> AsyncConnection:
    """Return a connection to change tables with, in autocommit mode.

    Its statements may take long, but not wait long for others. Raises `psycopg.OperationalError`.
    """
    connection = await AsyncConnection.connect(conninfo(database_url), autocommit=True)
    await connection.execute("SET lock_timeout = '30s'")
    return connection


@contextmanager
def unavailable() -> Iterator[None]:
    """Raise `ArchiveUnavailable` for every error that says that Postgres is not there."""
    try:
        yield
    except _AWAY as error:
        [reason, *_] = str(error).splitlines() or [type(error).__name__]
        raise ArchiveUnavailable(reason) from error


def statement(name: str) -> bytes:
    """Return the text of one of this package's SQL files."""
    return files(__package__).joinpath(name).read_bytes()
