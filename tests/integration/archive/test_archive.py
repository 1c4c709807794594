"""The archive: nothing lost, nothing twice, and the same tables however the events come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta, timezone
from random import Random

import psycopg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from shared.archive import binary_copy
from shared.archive.archive import Archive
from shared.archive.distinct import distinct
from shared.archive.errors import ArchiveUnavailable
from shared.archive.fold import Recorded
from shared.archive.migrate import migrate
from shared.archive.rebuild import rebuild
from shared.archive.sessions.connect import connect
from shared.archive.storing import add_missing, store_batch
from shared.orders.codec import encode
from shared.orders.events import OrderCancelled, OrderEvent, OrderFailed, OutcomeContradicted
from shared.orders.states import State
from shared.orders.values import FailureReason
from tests.support.archive import counted, events_by_type, many, orders, outage, recorded, rows, run
from tests.support.builders import NOON, an_order_id, history, submitted
from tests.support.eventually import eventually
from tests.support.servers import NOBODY


@asynccontextmanager
async def an_archive(database_url: str) -> AsyncIterator[Archive]:
    opened = await Archive.open(database_url)
    try:
        yield opened
    finally:
        await opened.close()


@pytest_asyncio.fixture
async def archive(database_url: str) -> AsyncIterator[Archive]:
    await migrate(database_url)
    async with an_archive(database_url) as opened:
        yield opened


def batches(events: Sequence[Recorded], size: int) -> list[Sequence[Recorded]]:
    return [events[start : start + size] for start in range(0, len(events), size)]


async def store_all(archive: Archive, batched: Sequence[Sequence[Recorded]]) -> None:
    for batch in batched:
        await archive.store(batch)


async def completed_by(archive: Archive, batch: Sequence[Recorded]) -> Mapping[str, int]:
    return (await archive.store(batch)).complete


def another(event: OrderEvent) -> Recorded:
    """Return an event of the same order and version with other content."""
    other = replace(event, at=event.at + timedelta(seconds=1))
    return Recorded(other, encode(other), (3, "12-0"))


async def test_a_history_comes_back_byte_for_byte(archive: Archive) -> None:
    events = history(ending="confirmed")
    order_id = events[0].order_id
    raws = [encode(event) + b" " for event in events]
    await archive.store([Recorded(e, raw) for e, raw in zip(events, raws, strict=True)])

    assert await archive.history(order_id) == raws


async def test_a_row_says_what_its_event_says(archive: Archive, database_url: str) -> None:
    events = history(ending="confirmed")
    await archive.store(recorded(events))

    columns = "SELECT order_id::text, version, type, at FROM order_events ORDER BY version"
    assert rows(database_url, columns) == [
        (event.order_id, event.version, type(event).__name__, event.at) for event in events
    ]


async def test_a_history_is_told_only_as_far_as_it_has_no_hole(archive: Archive) -> None:
    events = recorded(history(ending="confirmed"))
    order_id = events[0].event.order_id

    await archive.store([*events[1:2], *events[3:]])
    assert await archive.history(order_id) == []

    await archive.store(events[:1])
    assert await archive.history(order_id) == [one.raw for one in events[:2]]

    await archive.store(events[2:3])
    assert await archive.history(order_id) == [one.raw for one in events]


@pytest.mark.parametrize("seed", range(5))
async def test_the_order_and_the_batches_in_which_events_come_change_nothing(
    archive: Archive, database_url: str, seed: int
) -> None:
    events = many(orders=10)
    await archive.store(events)
    in_one_go = orders(database_url)
    run(database_url, "TRUNCATE orders, order_events")
    chance = Random(seed)
    mixed = events + chance.choices(events, k=20)
    chance.shuffle(mixed)
    await store_all(archive, batches(mixed, size=chance.randint(1, 20)))

    assert len(in_one_go) == 10
    assert orders(database_url) == in_one_go


async def test_two_projectors_fed_in_different_orders_at_once_give_the_tables_of_one(
    archive: Archive, database_url: str
) -> None:
    events = many(orders=60)
    mixed = Random(1).sample(events, k=len(events))
    async with an_archive(database_url) as other:
        await asyncio.gather(
            store_all(archive, batches(events, 25)),
            store_all(archive, batches(events[::-1], 40)),
            store_all(other, batches(mixed, 25)),
            store_all(other, batches(mixed[::-1], 40)),
        )
    together = orders(database_url)
    run(database_url, "TRUNCATE orders, order_events")
    await archive.store(events)

    assert orders(database_url) == together


async def test_every_event_is_counted_once_however_often_and_wherever_it_comes(
    archive: Archive, database_url: str
) -> None:
    events = many(orders=60)
    async with an_archive(database_url) as other:
        await asyncio.gather(
            store_all(archive, batches(events, 25)),
            store_all(archive, batches(events, 40)),
            store_all(other, batches(events[::-1], 40)),
        )
        counts = await other.event_counts()

    assert sum(counts.values()) == len(events)
    assert sorted(counts.items()) == events_by_type(database_url)


async def test_a_repeat_changes_nothing_and_tells_again_what_is_complete(
    archive: Archive, database_url: str
) -> None:
    events = history(ending="confirmed")
    first = await completed_by(archive, recorded(events))
    before = rows(database_url, "SELECT * FROM order_events ORDER BY version")
    again = await completed_by(archive, recorded(events[2:4]))

    assert first == again == {events[0].order_id: len(events)}
    assert rows(database_url, "SELECT * FROM order_events ORDER BY version") == before


async def test_an_order_is_complete_once_its_end_and_all_before_are_kept(archive: Archive) -> None:
    events = recorded(history(ending="confirmed"))
    order_id = events[0].event.order_id

    assert not await completed_by(archive, events[4:])
    assert await archive.ended([order_id]) == {order_id}
    assert not await completed_by(archive, events[:3])
    assert await completed_by(archive, events[3:4]) == {order_id: len(events)}


async def test_an_order_without_an_end_is_never_complete(archive: Archive) -> None:
    events = recorded(history(ending="sent"))
    order_id = events[0].event.order_id

    assert not await completed_by(archive, events)
    assert await archive.ended([order_id, an_order_id()]) == set()


async def test_a_contradiction_does_not_stand_in_for_a_missing_event(archive: Archive) -> None:
    events = history(ending="failed")
    contradiction = OutcomeContradicted(
        **events[-1].next(events[-1].at), state=State.FAILED, signature="5sig", detail="it landed"
    )

    assert not await completed_by(archive, recorded([events[0], events[2], contradiction]))
    last = contradiction.version
    assert await completed_by(archive, recorded([events[1]])) == {events[0].order_id: last}


async def test_other_content_under_a_kept_version_halts_its_order_and_no_other(
    archive: Archive, database_url: str
) -> None:
    events = history(ending="confirmed")
    await archive.store(recorded(events[:1]))
    bystander = history(ending="confirmed")
    before = await archive.event_counts()
    stored = await archive.store([another(events[0]), *recorded(events[1:], bystander)])

    assert stored.halted == {events[0].order_id}
    assert set(stored.complete) == {bystander[0].order_id}
    assert await archive.history(events[0].order_id) == [encode(event) for event in events]
    counts = await archive.event_counts()
    assert sum(counts.values()) == sum(before.values()) + len(events) - 1 + len(bystander)
    seen = rows(database_url, "SELECT DISTINCT seen::text FROM orders")
    assert seen == [(f"{{[1,{len(events) + 1})}}",)]


async def test_a_conflict_is_kept_with_its_very_bytes_and_once(archive: Archive) -> None:
    event = submitted()
    other = another(event)
    await archive.store(recorded([event]))
    await archive.store([other])
    await archive.store([other, *recorded([event, submitted()])])

    [kept] = await archive.conflicts()
    assert kept.event.encode() == other.raw
    assert kept.kept_event.encode() == encode(event)
    assert (kept.order_id, kept.version) == (event.order_id, 1)
    assert (kept.partition, kept.entry) == other.place


@pytest.mark.parametrize("archived", ["nothing", "the first", "the second"])
async def test_of_two_contents_in_one_batch_the_archives_own_wins_or_else_the_first(
    archive: Archive, archived: str
) -> None:
    event = submitted()
    first, second = Recorded(event, encode(event), (0, "9-0")), another(event)
    if archived != "nothing":
        await archive.store([first if archived == "the first" else second])
    stored = await archive.store([second, first])

    won, lost = (second, first) if archived == "the second" else (first, second)
    assert stored.halted == {event.order_id}
    assert await archive.history(event.order_id) == [won.raw]
    assert [one.event.encode() for one in await archive.conflicts()] == [lost.raw]


async def test_an_order_is_complete_only_once_its_conflict_is_settled(archive: Archive) -> None:
    events = history(ending="confirmed")
    await archive.store([*recorded(events[:2]), another(events[1])])
    before = await completed_by(archive, recorded(events))
    await archive.settle(events[0].order_id)

    assert before == {}
    assert await completed_by(archive, recorded(events)) == {events[0].order_id: len(events)}


async def test_an_order_is_halted_until_its_conflict_is_settled(archive: Archive) -> None:
    event = submitted()
    conflict = [*recorded([event]), another(event)]
    await archive.store(conflict)
    halted = await archive.halted([event.order_id, an_order_id()])
    settled = await archive.settle(event.order_id)

    assert halted == {event.order_id}
    assert settled == 1
    assert await archive.halted([event.order_id]) == set()
    assert (await archive.store(conflict)).halted == set()
    assert await archive.settle(event.order_id) == 0


async def test_a_row_says_nothing_of_a_conflict_also_when_it_is_made_anew(
    archive: Archive, database_url: str
) -> None:
    events = history(ending="sent")
    end = OrderCancelled(**events[-2].next(NOON))
    await archive.store(recorded(events))
    before = orders(database_url)
    await archive.store(recorded([end]))
    after = orders(database_url)
    await rebuild(database_url)

    assert before == after == orders(database_url)
    assert len(await archive.conflicts()) == 1


async def test_text_that_postgres_cannot_hold_is_kept_in_the_archive(archive: Archive) -> None:
    first = submitted()
    failed = OrderFailed(
        **first.next(first.at), reason=FailureReason.VENUE_REJECTED, detail="no\0", attempts=1
    )
    await archive.store(recorded([first, failed]))

    assert await archive.history(first.order_id) == [encode(first), encode(failed)]


@pytest.mark.parametrize("order_id", ["-", "12", "no uuid", "0" * 34, ",".join("00")])
async def test_an_event_that_cannot_be_stored_does_not_look_like_postgres_away(
    archive: Archive, order_id: str
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part of it is no UUID's
        await archive.store(recorded([submitted(order_id)]))


async def test_nothing_to_store_needs_no_postgres() -> None:
    async with an_archive(NOBODY) as archive:
        assert not await completed_by(archive, [])


async def test_postgres_away_is_told_apart_from_every_other_trouble() -> None:
    async with an_archive(NOBODY) as archive:
        with pytest.raises(ArchiveUnavailable):
            await archive.ping()
    with pytest.raises(ArchiveUnavailable):
        await migrate(NOBODY)
    with pytest.raises(ArchiveUnavailable):
        await rebuild(NOBODY)


async def test_tables_that_are_not_there_yet_are_waited_for(database_url: str) -> None:
    event = submitted()
    async with an_archive(database_url) as archive:
        with pytest.raises(ArchiveUnavailable):
            await archive.store(recorded([event]))
        await migrate(database_url)

        assert not await completed_by(archive, recorded([event]))
        assert await archive.history(event.order_id) == [encode(event)]


async def test_a_connection_string_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="DATABASE_URL") as caught:
        await Archive.open("host=there password='secret")

    assert "secret" not in str(caught.value)


async def test_statements_that_come_again_count_nothing_twice(
    archive: Archive, database_url: str
) -> None:
    batch = distinct(recorded(history(ending="confirmed")))
    await archive.store(batch.events[:2])
    async with await connect(database_url) as connection:
        # The very statements, as a network delivers them that was thought to have lost them.
        for _ in range(2):
            async with connection.transaction():
                await store_batch(connection, batch, add_missing)

    assert counted(database_url) == events_by_type(database_url)


async def test_an_outage_is_told_and_recovered_from(
    archive: Archive, database_url: str, postgres_url: str
) -> None:
    events = recorded(history(ending="confirmed"))
    await archive.ping()
    with outage(postgres_url, database_url):
        for _ in range(2):
            with pytest.raises(ArchiveUnavailable):
                await archive.store(events)

    async def stored() -> Mapping[str, int]:
        try:
            return await completed_by(archive, events)
        except ArchiveUnavailable:
            return {}

    complete: Mapping[str, int] = await eventually(stored)
    assert set(complete) == {events[0].event.order_id}


async def test_a_statement_that_is_held_up_is_given_up_as_unavailable(
    archive: Archive, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.archive.archive._STORE_S", 0.2)
    event = submitted()
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE orders")
        with pytest.raises(ArchiveUnavailable):
            await archive.store(recorded([event]))
    await archive.store(recorded([event]))

    assert await archive.history(event.order_id) == [encode(event)]


def test_packed_rows_are_what_psycopg_would_copy(postgres_url: str) -> None:
    zone = timezone(timedelta(hours=-9.5))
    moments = [NOON, NOON.replace(year=1970, microsecond=1), NOON.astimezone(zone)]
    words = ["", '{a,"b"}', "h\N{LATIN SMALL LETTER E WITH ACUTE}\\n"]
    texts = ["1", "[]", '"\\n"']
    given = list(
        zip(
            (an_order_id() for _ in range(3)),
            (1, 2**31 - 1, -1),
            words,
            moments,
            texts,
            strict=True,
        )
    )
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TEMP TABLE t (a uuid, b int, c text, d timestamptz, e json)")
        with connection.cursor().copy("COPY t FROM STDIN (FORMAT binary)") as copy:
            copy.write(
                binary_copy.rows((a, b, c.encode(), d, e.encode()) for a, b, c, d, e in given)
            )
        kept = connection.execute("SELECT a::text, b, c, d, e::text FROM t").fetchall()

    assert kept == given
