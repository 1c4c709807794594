"""What tests do with the archive and look up behind its back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from shared.archive.fold import Recorded
from shared.orders.codec import encode
from shared.orders.events import OrderEvent
from tests.support.builders import Ending, history

ENDINGS: list[Ending] = ["confirmed", "failed", "rerouted", "unresolved", "sent"]


def recorded(*histories: Sequence[OrderEvent]) -> list[Recorded]:
    return [Recorded(event, encode(event)) for events in histories for event in events]


def many(orders: int) -> list[Recorded]:
    endings = itertools.islice(itertools.cycle(ENDINGS), orders)
    return recorded(*(history(ending=ending) for ending in endings))


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(query.encode()).fetchall()


def orders(database_url: str) -> list[tuple[Any, ...]]:
    return rows(database_url, "SELECT * FROM orders ORDER BY order_id")


def counted(database_url: str) -> list[tuple[Any, ...]]:
    """Return how many events of each type there are, as they were counted on their way in."""
    query = "SELECT type, sum(events)::bigint FROM event_counts GROUP BY type ORDER BY type"
    return rows(database_url, query)


def events_by_type(database_url: str) -> list[tuple[Any, ...]]:
    return rows(database_url, "SELECT type, count(*) FROM order_events GROUP BY type ORDER BY type")


def run(database_url: str, command: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(command.encode())


@contextmanager
def outage(postgres_url: str, database_url: str) -> Iterator[None]:
    """Cut every connection to the database, and let none in until the end."""
    name = str(conninfo_to_dict(database_url)["dbname"])
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        connection.execute(allow.format(sql.Identifier(name), sql.Literal(True)))
