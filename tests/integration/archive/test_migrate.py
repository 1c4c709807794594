"""Migrations: each once, in order, by whoever comes first."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from shared.archive.errors import MigrationChanged
from shared.archive.migrate import migrate, migrations


async def test_each_migration_is_applied_once(database_url: str) -> None:
    first = await migrate(database_url)

    assert first == list(migrations())
    assert await migrate(database_url) == []


async def test_processes_that_migrate_at_once_do_it_once(database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(database_url) for _ in range(4)))

    assert sorted(applied, key=len) == [[], [], [], list(migrations())]


async def test_a_migration_that_was_edited_after_it_was_applied_is_refused(
    database_url: str,
) -> None:
    [name, *_] = await migrate(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE migrations SET checksum = 'other' WHERE name = %s", [name])

    with pytest.raises(MigrationChanged, match=name):
        await migrate(database_url)


async def test_where_nothing_is_missing_a_role_that_may_create_nothing_will_do(
    database_url: str,
) -> None:
    await migrate(database_url)
    role = f"reader_{uuid4().hex[:12]}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
        connection.execute(f"GRANT SELECT ON migrations TO {role}")
        try:
            applied = await migrate(make_conninfo(database_url, user=role, password="secret"))
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")

    assert applied == []


async def test_an_early_table_keeps_what_it_knew_of_its_orders(database_url: str) -> None:
    await migrate(database_url)
    earlier = [name for name in migrations() if name < "0005"]
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    _apply(database_url, earlier)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            INSERT INTO orders (order_id, version, status, unresolved, updated_at, status_history,
                route_version, attempts, venue, signature_version, cancel_requested, contradicted,
                ended_at, outcome, signature)
            SELECT gen_random_uuid(), 4, status, false, now(), '{"1": {}, "2": {}, "4": {}}',
                3, 1, 'raydium', 0, false, false,
                CASE WHEN ended THEN now() END, CASE WHEN ended THEN status END,
                '5sig-of-the-order'
            FROM (VALUES ('failed', true), ('building', false)) AS rows (status, ended)
            """
        )

    await migrate(database_url)

    with psycopg.connect(database_url) as connection:
        kept = connection.execute(
            "SELECT status, seen::text, venue, ended_on, signature_head FROM orders"
        )
        assert sorted(kept) == [
            ("building", "{[1,3),[4,5)}", "raydium", None, None),
            ("failed", "{[1,3),[4,5)}", "raydium", "raydium", "5sig-of-the-"),
        ]


def _apply(database_url: str, names: list[str]) -> None:
    texts = migrations()
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE migrations (name text PRIMARY KEY, checksum text)")
        for name in names:
            connection.execute(texts[name])
            connection.execute(
                "INSERT INTO migrations VALUES (%s, %s)", [name, sha256(texts[name]).hexdigest()]
            )
