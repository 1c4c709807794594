"""Pages of lists are read off indexes, in order wherever many orders match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bench.list_orders import FILL, FILTERS, SEARCHES, SPAN, START
from shared.archive.archive import Archive
from shared.archive.lists.fills import fills_page
from shared.archive.lists.filters import FillFilter, Filter, Place
from shared.archive.lists.orders import orders_page
from shared.archive.lists.statements import IN_ORDER


@pytest.fixture
def filled(database_url: str, archive: Archive) -> Iterator[psycopg.Connection]:
    """Return a database with the orders of the benchmark, fewer of them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL, {"start": START, "span": SPAN, "orders": 20_000})
        connection.execute("VACUUM ANALYZE orders")
        yield connection


@pytest.mark.parametrize("depth", [1.0, 0.5])
def test_every_page_is_read_off_an_index_in_order(filled: psycopg.Connection, depth: float) -> None:
    """Then it costs what it holds, however many orders there are and however deep it lies."""
    plans = {name: _plan(filled, wanted, depth) for name, wanted in FILTERS.items()}

    assert {name: plan for name, plan in plans.items() if not _stops_early(plan)} == {}


def test_what_few_orders_match_is_found_by_indexes_of_few(filled: psycopg.Connection) -> None:
    always, signature = "orders_open", "orders_by_signature"
    expected = {
        "contradicted": {"orders_contradicted"},
        "unresolved": {always},
        "a signature": {signature, always},
        "the beginning of an id or a signature": {
            *("orders_by_client_order_id", signature, always, "orders_pkey")
        },
        "a client's own name": {"orders_by_client_order_id", signature, always},
        "changes": {"orders_by_end", "orders_contradicted", always},
    }
    used: dict[str, set[str]] = {}
    for name in expected:
        parts = list(_parts(_plan(filled, SEARCHES[name], 0.9)))
        used[name] = {part["Index Name"] for part in parts if "Index Name" in part}
        assert "Seq Scan" not in {part["Node Type"] for part in parts}

    assert used == expected
    # An index that is in order is read as far as the page goes.
    changes = _parts(_plan(filled, SEARCHES["changes"], 0.5))
    limited = [part["Plans"][0] for part in changes if part["Node Type"] == "Limit"]
    assert "orders_by_end" in [part.get("Index Name") for part in limited]


def test_a_client_order_id_is_looked_up_by_its_index(filled: psycopg.Connection) -> None:
    filled.execute("UPDATE orders SET client_order_id = order_id::text")
    filled.execute("VACUUM ANALYZE orders")
    plan = _plan(filled, Filter(account="account-1", client_order_id="mine"), 1.0)

    assert "orders_by_client_order_id" in [part.get("Index Name") for part in _parts(plan)]


def test_fills_are_read_in_the_order_of_their_confirmation(filled: psycopg.Connection) -> None:
    page = fills_page(FillFilter(since=START), Place(START + SPAN / 2, "f" * 32), 100)
    plan = _explained(filled, page.query, page.values)

    assert _stops_early(plan)
    assert [part.get("Index Name") for part in _parts(plan)][-1] == "orders_by_end"


def _plan(connection: psycopg.Connection, wanted: Filter, depth: float) -> dict[str, Any]:
    page = orders_page(wanted, Place(START + SPAN * depth, "f" * 32), 100)
    return _explained(connection, page.query, page.values)


def _explained(
    connection: psycopg.Connection, query: str, values: dict[str, Any]
) -> dict[str, Any]:
    with connection.transaction():
        connection.execute(f"SELECT {IN_ORDER}".encode())
        explained = connection.execute(b"EXPLAIN (FORMAT JSON) " + query.encode(), values)
        [[[plan]]] = explained.fetchall()
    found: dict[str, Any] = plan["Plan"]
    return found


def _stops_early(plan: dict[str, Any]) -> bool:
    """Return whether whatever a plan reads is an index in order, as far as a limit."""
    parts = plan.get("Plans", [])
    if plan["Node Type"] == "Limit":
        return _stops_early(parts[0]) or parts[0]["Node Type"] == "Index Scan"
    passes_on = plan["Node Type"] in ("Result", "Merge Append", "Subquery Scan")
    return passes_on and all(map(_stops_early, parts))


def _parts(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _parts(part)
