"""Measure pages of `GET /api/orders` over a million orders: `python -m bench.list_orders`.

Runs on a PostgreSQL of its own, or on the server of DATABASE_URL, in a new database. Every figure
is the best of three of what EXPLAIN ANALYZE reports for the very statement of the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from shared.archive.lists.filters import Filter, Place
from shared.archive.lists.orders import orders_page
from shared.archive.lists.statements import IN_ORDER
from shared.archive.migrate import migrate
from shared.orders.states import Status
from tests.support.servers import postgres_server

START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=90)
LIMIT = 100

# 1,000 accounts, of which the first has 30 % of the orders; 20 pairs, the busiest with 26 %;
# three venues, the last with 0.1 %. 95 % are confirmed, 3 % failed, 1.9 % cancelled or expired,
# 0.1 % still open; the chain contradicts 0.06 %.
FILL = """
    INSERT INTO orders
    SELECT gen_random_uuid(), 6, status, false, at,
        CASE WHEN random() < 0.3 THEN 'account-1'
            ELSE 'account-' || (1 + floor(random() * 1000))::int END,
        CASE WHEN pair < 10 THEN 'SOL' ELSE 'USDC' END, 'T' || pair, 1.5, 100, NULL, at, 3, 1,
        venue, 225, 222.75, 4, signature, CASE WHEN status <> 'pending' THEN at END,
        CASE WHEN status = 'confirmed' THEN 224.5 END, 149.6,
        CASE WHEN status = 'failed' THEN 'NO_ROUTE' END, NULL, false, contradicted, NULL,
        nullif(status, 'pending'), '{[1,6]}', CASE WHEN status <> 'pending' THEN venue END,
        CASE WHEN status <> 'pending' THEN left(signature, 12) END
    FROM (
        SELECT *, md5(random()::text) AS signature,
            status = 'failed' AND random() < 0.02 AS contradicted,
            CASE WHEN status = 'pending' THEN NULL WHEN random() < 0.001 THEN 'orca'
                WHEN random() < 0.55 THEN 'raydium' ELSE 'meteora' END AS venue
        FROM (
            SELECT %(start)s + random() * %(span)s AS at, floor(20 * random() ^ 2.2)::int AS pair,
                (ARRAY['pending', 'cancelled', 'expired', 'failed', 'confirmed'])[
                    width_bucket(random(), ARRAY[0, 0.001, 0.015, 0.02, 0.05])] AS status
            FROM generate_series(1, %(orders)s)
        ) AS made
    ) AS routed
"""
FILTERS = {
    "all": Filter(),
    "confirmed": Filter(statuses=frozenset({Status.CONFIRMED})),
    "confirmed or failed": Filter(statuses=frozenset({Status.CONFIRMED, Status.FAILED})),
    "failed or open, on a busy venue": Filter(
        statuses=frozenset({Status.FAILED, Status.PENDING, Status.ROUTING}), venue="raydium"
    ),
    "failed": Filter(statuses=frozenset({Status.FAILED})),
    "expired": Filter(statuses=frozenset({Status.EXPIRED})),
    "open": Filter(statuses=frozenset({Status.PENDING})),
    "a busy venue": Filter(venue="raydium"),
    "a rare venue": Filter(venue="orca"),
    "no such venue": Filter(venue="none"),
    "a busy pair": Filter(token_in="SOL", token_out="T0"),
    "a rare pair": Filter(token_in="USDC", token_out="T19"),
    "one day": Filter(since=START + SPAN / 2, until=START + SPAN / 2 + timedelta(days=1)),
    "a rare pair on a busy venue, failed": Filter(
        token_in="USDC", token_out="T19", venue="meteora", statuses=frozenset({Status.FAILED})
    ),
    "a rare venue, expired": Filter(venue="orca", statuses=frozenset({Status.EXPIRED})),
    "a large account": Filter(account="account-1"),
    "a large account, failed": Filter(account="account-1", statuses=frozenset({Status.FAILED})),
    "a large account, open": Filter(account="account-1", statuses=frozenset({Status.PENDING})),
    "a large account, a rare pair": Filter(account="account-1", token_in="USDC", token_out="T19"),
    "a large account, a rare venue": Filter(account="account-1", venue="orca"),
    "a small account": Filter(account="account-500"),
    "a small account, expired": Filter(account="account-500", statuses=frozenset({Status.EXPIRED})),
    "a small account, a busy venue": Filter(account="account-500", venue="raydium"),
}
# Few orders match these: they are found by an index, and may then be sorted.
SEARCHES = {
    "contradicted": Filter(contradicted=True),
    "unresolved": Filter(unresolved=True),
    "a signature": Filter(signature="5" * 32),
    "the beginning of an id or a signature": Filter(find="5f3a"),
    "a client's own name": Filter(find="invoice-17"),
    "changes": Filter(updated_since=START),
    "changes of a small account": Filter(updated_since=START, account="account-500"),
}
DEPTHS = {"first": 1.0, "middle": 0.5, "last": 0.01}


def main() -> None:
    """Fill a new database, measure every filter at three depths, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    orders = parser.parse_args().orders
    name = sql.Identifier(f"bench_{uuid4().hex}")
    with postgres_server() as server, psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            _run(make_conninfo(server, dbname=name.as_string().strip('"')), orders)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _run(database_url: str, orders: int) -> None:
    asyncio.run(migrate(database_url))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL, {"start": START, "span": SPAN, "orders": orders})
        connection.execute("VACUUM ANALYZE orders")
        connection.execute(f"SELECT {IN_ORDER.replace('true', 'false')}".encode())
        for line in _table(connection, orders):
            print(line)


def _table(connection: psycopg.Connection, orders: int) -> Iterator[str]:
    yield f"{orders:,} orders, pages of {LIMIT}; database time in ms (pages read)"
    yield f"{'filter':38}" + "".join(f"{depth:>16}" for depth in DEPTHS) + "  index"
    for name, wanted in (FILTERS | SEARCHES).items():
        cells, indexes = "", set()
        for depth in DEPTHS.values():
            plan = _best(connection, wanted, Place(START + SPAN * depth, "f" * 32))
            cells += f"{plan['Execution Time']:>9.2f} ({_pages(plan['Plan']):>4})"
            indexes |= set(_indexes(plan["Plan"]))
        yield f"{name:38}{cells}  {', '.join(sorted(indexes))}"


def _best(connection: psycopg.Connection, wanted: Filter, after: Place) -> dict[str, Any]:
    query, values, _ = orders_page(wanted, after, LIMIT)
    explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query.encode()
    plans = [connection.execute(explain, values, prepare=False).fetchone() for _ in range(3)]
    return min((plan[0][0] for plan in plans if plan), key=lambda plan: plan["Execution Time"])


def _pages(plan: dict[str, Any]) -> int:
    pages: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return pages


def _indexes(plan: dict[str, Any]) -> Iterator[str]:
    if name := plan.get("Index Name") or (plan["Node Type"] == "Seq Scan" and "no index"):
        yield name
    for part in plan.get("Plans", []):
        yield from _indexes(part)


if __name__ == "__main__":
    main()
