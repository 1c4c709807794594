"""Empty databases, each lent to one test at a time: to make one takes ten times as long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import psycopg

from tests.support.servers import new_database

_WAIT_MS = 60_000
# Whether a database differs from a new one by more than its schema `public`.
_MARKED = """
    SELECT datacl IS NOT NULL
        OR EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
        OR EXISTS (SELECT FROM pg_default_acl)
        OR (SELECT count(*) FROM pg_extension) > 1
        OR EXISTS (
            SELECT FROM pg_namespace
            WHERE nspname NOT IN ('public', 'information_schema') AND nspname !~ '^pg_'
        )
    FROM pg_database WHERE datname = current_database()
"""
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = """
    DROP SCHEMA IF EXISTS public CASCADE;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC
"""


class Databases:
    """The databases of one server; all are dropped in the end."""

    def __init__(self, postgres_url: str) -> None:
        self._postgres_url = postgres_url
        self._idle: list[str] = []
        self._made = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._made.close()

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Yield an empty database. A test that alters more than its tables has it for good."""
        url = (
            self._idle.pop()
            if self._idle
            else self._made.enter_context(new_database(self._postgres_url))
        )
        yield url
        if _emptied(url):
            self._idle.append(url)


def _emptied(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_END_SESSIONS, [_WAIT_MS])
        marked = connection.execute(_MARKED).fetchone()
        if marked == (False,):
            connection.execute(_EMPTY)
        return marked == (False,)
