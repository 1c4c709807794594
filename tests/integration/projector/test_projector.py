"""The projector: everything on the log is in Postgres in the end, whoever was away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from services.projector.__main__ import main
from shared.archive.archive import Archive
from shared.archive.migrate import migrate
from shared.orders.codec import encode
from shared.orders.events import OrderCancelled, OrderEvent, OrderSubmitted
from shared.settings import ProjectorSettings
from shared.streams.log.appends import Append, Outcome
from shared.streams.log.halted_orders import halted_counts
from shared.streams.log.log import Log
from tests.support.archive import orders, outage, recorded, rows, run
from tests.support.builders import history, submitted
from tests.support.eventually import eventually
from tests.support.replicas import place_history, submit, unsettled
from tests.support.servers import free_port


class Projecting(Protocol):
    """Run a projector for as long as the context is open."""

    def __call__(
        self, *, every_ms: int = 300, metrics_port: int = 0
    ) -> AbstractAsyncContextManager[None]: ...


@pytest.fixture
def projecting(redis_url: str, database_url: str, namespace: str, log: Log) -> Projecting:
    @asynccontextmanager
    async def project(*, every_ms: int = 300, metrics_port: int = 0) -> AsyncIterator[None]:
        settings = ProjectorSettings(
            redis_url=redis_url,
            database_url=database_url,
            namespace=namespace,
            partitions=log.keys.partitions,
            consumer_name=f"projector-{uuid4().hex[:8]}",
            lease_ms=1_000,
            backoff_base_ms=50,
            trim_every_s=0.1,
            stream_window_s=0,
            project_every_ms=every_ms,
            drain_s=2,
            metrics_port=metrics_port,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(main(settings, stop))
        try:
            yield
        finally:
            stop.set()
            await running

    return project


async def append(log: Log, *histories: Sequence[OrderEvent]) -> None:
    for events in histories:
        await place_history(log, events)


async def stored(database_url: str, events: int) -> None:
    def all_are_there() -> bool:
        return rows(database_url, "SELECT count(*)::int FROM order_events") == [(events,)]

    await eventually(all_are_there)


async def history_may_go(log: Log, events: Sequence[OrderEvent]) -> None:
    async def expires() -> bool:
        return await ttl_s(log, events) > 0

    expired: bool = await eventually(expires)
    assert expired


async def ttl_s(log: Log, events: Sequence[OrderEvent]) -> int:
    found: int = await log.client.call("TTL", log.keys.history(events[0].order_id))
    return found


async def test_what_is_on_the_log_is_stored_and_leaves_redis_once_ended(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    ended, under_way = history(ending="confirmed"), history(ending="sent")
    await append(log, ended, under_way)
    async with projecting():
        await stored(database_url, len(ended) + len(under_way))

        await history_may_go(log, ended)

    forever = -1
    assert len(orders(database_url)) == 2
    assert await ttl_s(log, under_way) == forever


async def test_it_makes_the_tables_itself(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    events = history(ending="confirmed")
    await append(log, events)
    async with projecting():
        await eventually(lambda: rows(database_url, "SELECT to_regclass('orders')") != [(None,)])
        await stored(database_url, len(events))


async def test_a_crash_between_commit_and_expiry_is_made_good(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    events = history(ending="confirmed")
    await append(log, events)
    archive = await Archive.open(database_url)
    await archive.store(recorded(events))
    await archive.close()
    async with projecting():
        await history_may_go(log, events)


async def test_postgres_may_be_away_and_nothing_is_lost_or_given_up(
    log: Log, database_url: str, postgres_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    before, meanwhile, after = (history(ending="confirmed") for _ in range(3))
    async with projecting():
        await append(log, before)
        await stored(database_url, len(before))
        with outage(postgres_url, database_url):
            waits = times_waited()
            await append(log, meanwhile)
            await eventually(lambda: times_waited() > waits)
        await append(log, after)
        await stored(database_url, len(before) * 3)

    assert await dead_letters(log) == 0
    assert len(orders(database_url)) == 3


async def test_postgres_may_be_away_when_it_starts(
    log: Log, database_url: str, postgres_url: str, projecting: Projecting
) -> None:
    events = history(ending="confirmed")
    await append(log, events)
    async with projecting():
        with outage(postgres_url, database_url):
            waits = times_waited()
            await eventually(lambda: times_waited() > waits)
        await eventually(lambda: rows(database_url, "SELECT to_regclass('orders')") != [(None,)])
        await stored(database_url, len(events))


async def test_a_projector_that_cannot_store_is_not_ready_and_says_why_until_it_can(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    run(database_url, "ALTER TABLE orders RENAME TO elsewhere")
    events = history(ending="confirmed")
    await append(log, events)
    port = free_port()
    async with projecting(metrics_port=port), httpx.AsyncClient() as http:

        async def readiness() -> tuple[int, str]:
            answer = await http.get(f"http://127.0.0.1:{port}/health/ready")
            return answer.status_code, answer.json().get("detail", "")

        async def says_why() -> bool:
            return 'relation "orders" does not exist' in (await readiness())[1]

        await eventually(says_why)
        assert (await readiness())[0] == 503
        run(database_url, "ALTER TABLE elsewhere RENAME TO orders")

        async def is_ready() -> bool:
            return await readiness() == (200, "")

        await eventually(is_ready)
        await stored(database_url, len(events))


async def test_other_content_under_a_kept_version_halts_its_order_and_holds_up_nobody(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    event, bystander = submitted(), history(ending="confirmed")
    forged = submitted(event.order_id, at=event.at + timedelta(seconds=1))
    await append(log, [event])
    async with projecting():
        await stored(database_url, 1)
        await put_on_the_log(log, event.order_id, encode(forged))
        await append(log, bystander)
        await stored(database_url, 1 + len(bystander))

        async def is_settled() -> bool:
            return await unsettled(log, "projector") == 0

        await eventually(is_settled)

    assert rows(database_url, "SELECT event FROM order_conflicts") == [(encode(forged).decode(),)]
    assert await cancelled(log, event) == "halted"
    assert await dead_letters(log) == 0


async def test_an_event_that_postgres_refuses_is_held_and_stops_nobody(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    bystander = history(ending="confirmed")
    await put_on_the_log(log, "no-uuid", encode(submitted("no-uuid")))
    await append(log, bystander)
    async with projecting():
        await stored(database_url, len(bystander))

    assert await dead_letters(log) == 0
    assert await unsettled(log, "projector") == 1


async def test_a_crash_between_commit_and_halting_is_made_good(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    event = submitted()
    forged = submitted(event.order_id, at=event.at + timedelta(seconds=1))
    await append(log, [event])
    await put_on_the_log(log, event.order_id, encode(forged))
    archive = await Archive.open(database_url)
    await archive.store(recorded([event], [forged]))
    await archive.close()
    async with projecting():

        async def is_halted() -> bool:
            return sum(await halted_counts(log)) == 1

        await eventually(is_halted)


async def cancelled(log: Log, event: OrderSubmitted) -> Outcome:
    end = OrderCancelled(**event.next(event.at))
    [outcome] = await log.append("", [Append(order_id=event.order_id, expected=1, events=[end])])
    return outcome


async def test_an_entry_that_is_no_event_becomes_a_dead_letter_and_stops_nobody(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    bystander = history(ending="confirmed")
    await put_on_the_log(log, bystander[0].order_id, b"no event")
    await append(log, bystander)
    async with projecting():
        await stored(database_url, len(bystander))

    assert await dead_letters(log) == 1


async def test_the_log_is_trimmed_behind_its_slowest_reader(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    firsts, *others = zip(*(history(ending="confirmed") for _ in range(300)), strict=True)
    await submit(log, *firsts)
    for events in others:
        appends = [Append(order_id=e.order_id, expected=e.version - 1, events=[e]) for e in events]
        assert await log.append("", appends) == ["ok"] * 300
    written = await length(log)
    async with projecting():
        await stored(database_url, written)
        untrimmed = await length(log)
        for stream in streams(log):
            await log.client.call("XGROUP", "SETID", stream, "notifier", "$")

        async def is_shorter() -> bool:
            return await length(log) < written

        trimmed: bool = await eventually(is_shorter)

    assert trimmed
    assert untrimmed == written


def times_waited() -> float:
    labels = {"group": "projector", "server": "ArchiveUnavailable"}
    return REGISTRY.get_sample_value("slipstream_waits_total", labels) or 0.0


def streams(log: Log) -> list[str]:
    return [log.keys.log(partition) for partition in range(log.keys.partitions)]


async def length(log: Log) -> int:
    return sum(await log.client.run([("XLEN", stream) for stream in streams(log)]))


async def put_on_the_log(log: Log, order_id: str, raw: bytes) -> None:
    stream = log.keys.log(log.keys.partition_of(order_id))
    fields = ("type", "OrderSubmitted", "order", order_id, "event", raw)
    await log.client.call("XADD", stream, "*", *fields)


async def dead_letters(log: Log) -> int:
    letters = [log.keys.dead(partition) for partition in range(log.keys.partitions)]
    return sum(await log.client.run([("XLEN", stream) for stream in letters]))


async def test_of_many_orders_at_once_those_that_go_on_wait_and_are_stored_before_it_leaves(
    log: Log, database_url: str, projecting: Projecting
) -> None:
    await migrate(database_url)
    many = [history(ending="sent") for _ in range(1_100)]
    ended = history(ending="confirmed")
    await append(log, *many, ended)
    async with projecting(every_ms=10_000):
        await history_may_go(log, ended)
        assert len(orders(database_url)) == 1

    assert len(orders(database_url)) == len(many) + 1
    assert await unsettled(log, "projector") == 0
