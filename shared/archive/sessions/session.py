"""Sessions: whatever their results depend on is set here, and looked at where it cannot be set.

A server, a database, a role and a machine's `PG*` variables all change what a session does. It is
set on connecting. A pooler such as PgBouncer may hand each transaction to another session of the
server, and keeps for its client only what the server reports. So all else is set again with each
transaction, in the round trip of its first statement.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection, IsolationLevel, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import AsyncRowFactory, TupleRow

from shared.archive.errors import ArchiveUnusable
from shared.settings import InvalidSettings

R = TypeVar("R")

OLDEST = 15
_LIMITS_TRANSACTIONS = 170_000  # From this version on there is `transaction_timeout`.

# Used unless the connection string has others. A peer that vanished without a word is noticed
# within about half a minute.
_DEFAULTS: dict[str, str | int] = {
    "application_name": "slipstream",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "target_session_attrs": "any",
}
# The server reports the first four. The others are for transactions that are not begun by BEGIN.
_ONCE = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
}
# Deadlines are the caller's; these only end what it has given up, or died over.
_BRIEF = {
    "statement_timeout": "30s",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
    "transaction_timeout": "0",
}
_LENGTHY = {**_BRIEF, "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}

# A commit is told to Redis, which then forgets what it holds. Other levels are somebody's choice.
_DURABLE = b""", set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)"""
_FACTS = b"""
    SELECT pg_backend_pid(), current_setting('server_version_num')::int,
        current_setting('server_encoding'), current_database(), """

_SEARCH_PATH = re.compile(r"(?:-c\s*|--)search[_-]path=(\S+)")


class Session(AsyncConnection[TupleRow]):
    """A connection whose results depend on nothing that was set elsewhere.

    `pins`, the columns of a SELECT, set the rest for one transaction: each begins with them.
    """

    pins = b""
    refusal = ""  # Why it cannot be used, and what to do.
    is_pooled = False  # Somebody stands between it and the server.
    since_s = 0.0  # By the loop's clock.

    def check(self) -> None:
        """Raise `ArchiveUnusable` where what cannot be set is not as it must be."""
        if self.refusal:
            raise ArchiveUnusable(self.refusal)


def conninfo(database_url: str) -> tuple[str, str]:
    """Return the string to connect with, our time limits in it, and the schema of the tables.

    `options=-csearch_path=NAME` names the schema. That part is taken out: a pooler would refuse it.
    Raises `InvalidSettings` for a string that cannot be read.
    """
    try:
        given = conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        # The error repeats the string, and with it the password.
        raise InvalidSettings("DATABASE_URL is no PostgreSQL connection string") from None
    options = str(given.get("options") or "")
    found = _SEARCH_PATH.search(options)
    set_by_us = {
        "client_encoding": "UTF8",
        "options": _SEARCH_PATH.sub("", options).strip(),  # Else PGOPTIONS would stand in.
        **{name: value for name, value in _DEFAULTS.items() if name not in given},
    }
    return make_conninfo(database_url, **set_by_us), found[1] if found else "public"


async def set_up(session: Session, schema: str, *, lengthy: bool = False) -> None:
    """Pin a session that was just connected. `schema` has the tables.

    A `lengthy` one may take any time.
    """
    values = {"search_path": schema, "row_security": "off", **(_LENGTHY if lengthy else _BRIEF)}
    if session.info.server_version < _LIMITS_TRANSACTIONS:
        del values["transaction_timeout"]
    cursor = await session.execute(_FACTS + _settings(session, _ONCE | values, local=False))
    [(pid, version, encoding, database, *_)] = await cursor.fetchall()
    session.refusal = _refusal(version // 10_000, encoding, database)
    session.since_s = asyncio.get_running_loop().time()
    session.pins = _settings(session, values, local=True) + _DURABLE
    session.is_pooled = pid != session.info.backend_pid
    if session.is_pooled:
        session.prepare_threshold = None  # What is prepared may be elsewhere next time.
    await session.set_isolation_level(IsolationLevel.READ_COMMITTED)
    await session.set_read_only(False)
    await session.set_deferrable(False)


def _refusal(version: int, encoding: str, database: str) -> str:
    if version < OLDEST:
        return f"PostgreSQL {version} is too old: upgrade it to {OLDEST} or newer"
    if encoding != "UTF8":
        return (
            f"the database {database!r} is in {encoding}, not in UTF8: have DATABASE_URL name one "
            "made with CREATE DATABASE name TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        )
    return ""


def _settings(session: Session, values: Mapping[str, str], *, local: bool) -> bytes:
    one = sql.SQL("set_config({}, {}, {})")
    return (
        sql.SQL(", ")
        .join([one.format(name, value, local) for name, value in values.items()])
        .as_bytes(session)
    )


async def pin(session: Session, also: str = "") -> None:
    """Begin a transaction with what its results depend on, and select something `also`."""
    await session.execute(b"SELECT " + session.pins + (b", " + also.encode() if also else b""))


async def read(
    session: Session,
    query: LiteralString,
    values: Sequence[Any] | Mapping[str, Any] = (),
    *,
    row_factory: AsyncRowFactory[R],
) -> list[R]:
    """Return the rows of one statement, in a transaction and a round trip of its own."""
    async with session.cursor(row_factory=row_factory) as cursor:
        async with session.pipeline():  # As far as its end, it is one transaction.
            await pin(session)
            await cursor.execute(query, values)
        return await cursor.fetchall()
