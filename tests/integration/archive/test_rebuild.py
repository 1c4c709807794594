"""A rebuild gives what the projectors gave, also while they go on."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from shared.archive.archive import Archive
from shared.archive.errors import RebuildRunning
from shared.archive.rebuild import rebuild
from shared.archive.sessions.connect import BATCH_LOCK, SCHEMA_LOCK
from tests.support.archive import counted, events_by_type, many, orders, rows, run
from tests.support.eventually import eventually


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.archive.rebuild._CHUNK", 7)


async def test_a_rebuild_equals_the_live_table(
    archive: Archive, database_url: str, small_chunks: None
) -> None:
    await archive.store(many(orders=20))
    live = orders(database_url)
    await rebuild(database_url)

    assert len(live) == 20
    assert orders(database_url) == live


@pytest.mark.parametrize(
    "damage",
    ["DROP TABLE orders", "UPDATE orders SET status = 'wrong'", "DELETE FROM event_counts"],
)
async def test_a_rebuild_mends_a_table_that_is_gone_or_wrong(
    archive: Archive, database_url: str, damage: str
) -> None:
    await archive.store(many(orders=10))
    live = orders(database_url)
    run(database_url, damage)
    await rebuild(database_url)

    assert orders(database_url) == live
    assert counted(database_url) == events_by_type(database_url)


async def test_a_rebuild_equals_the_live_table_while_batches_keep_arriving(
    archive: Archive, database_url: str, small_chunks: None
) -> None:
    events = many(orders=400)
    rebuilt = asyncio.Event()

    async def project() -> None:
        for start in range(0, len(events), 10):
            await archive.store(events[start : start + 10])
            if start == len(events) // 20 * 10:
                rebuilt.set()

    async def rebuild_half_way() -> int:
        await rebuilt.wait()
        return await rebuild(database_url)

    _, folded = await asyncio.gather(project(), rebuild_half_way())
    through_a_rebuild, counts_through_it = orders(database_url), counted(database_url)
    await rebuild(database_url)

    assert folded > len(events) // 2
    assert len(through_a_rebuild) == 400
    assert counts_through_it == events_by_type(database_url)
    assert orders(database_url) == through_a_rebuild


async def test_the_swap_waits_for_batches_under_way(archive: Archive, database_url: str) -> None:
    with psycopg.connect(database_url) as batch:
        batch.execute("SELECT pg_advisory_xact_lock_shared(%s)", [BATCH_LOCK])
        rebuilding = asyncio.create_task(rebuild(database_url))
        await eventually(lambda: someone_waits(database_url))
        early = rebuilding.done()

    assert await rebuilding == 0
    assert not early


async def test_batches_wait_for_the_swap(archive: Archive, database_url: str) -> None:
    with psycopg.connect(database_url) as swap:
        swap.execute("SELECT pg_advisory_xact_lock(%s)", [BATCH_LOCK])
        storing = asyncio.create_task(archive.store(many(orders=1)))
        await eventually(lambda: someone_waits(database_url))
        early = storing.done()

    assert len((await storing).complete) == 1
    assert not early


def someone_waits(database_url: str) -> list[tuple[Any, ...]]:
    return rows(
        database_url,
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )


async def test_the_new_table_is_made_like_the_old_one(archive: Archive, database_url: str) -> None:
    catalogue = (
        "SELECT relname, relnamespace::regnamespace::text, reloptions FROM pg_class"
        " WHERE relnamespace::regnamespace::text IN ('public', 'slipstream_rebuild') ORDER BY 1"
    )
    before = rows(database_url, catalogue)
    await rebuild(database_url)

    assert rows(database_url, catalogue) == before


async def test_what_an_interrupted_rebuild_left_is_no_hindrance(
    archive: Archive, database_url: str
) -> None:
    await archive.store(many(orders=5))
    live = orders(database_url)

    def interrupt(_done: int, _total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await rebuild(database_url, interrupt)
    assert orders(database_url) == live
    await rebuild(database_url)

    assert orders(database_url) == live


async def test_only_one_rebuild_works_at_a_time(archive: Archive, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [SCHEMA_LOCK])
        with pytest.raises(RebuildRunning):
            await rebuild(database_url)


async def test_progress_is_told_up_to_the_end(
    archive: Archive, database_url: str, small_chunks: None
) -> None:
    events = many(orders=5)
    await archive.store(events)
    told: list[tuple[int, int]] = []
    folded = await rebuild(database_url, lambda done, total: told.append((done, total)))

    assert folded == len(events)
    assert told[0] == (7, len(events))
    assert told[-1] == (len(events), len(events))
