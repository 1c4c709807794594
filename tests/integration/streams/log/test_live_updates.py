"""Live updates arrive, and a lost link is never lost unnoticed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest_asyncio
from msgspec.structs import replace

from services.notifier.handler import Notifier
from shared.orders.codec import encode
from shared.orders.events import OrderEvent
from shared.streams.consumer.deliveries import Delivery, Written
from shared.streams.log.followed import Following
from shared.streams.log.live_updates import Updates
from shared.streams.log.log import Log
from tests.support.builders import an_order_id, history
from tests.support.eventually import eventually
from tests.support.replicas import publish


@dataclass
class Heard:
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    gaps: int = 0

    def message(self, order_id: str, message: bytes) -> None:
        self.messages.append((order_id, message))

    def gap(self) -> None:
        self.gaps += 1


@pytest_asyncio.fixture
async def heard() -> Heard:
    return Heard()


@pytest_asyncio.fixture
async def updates(log: Log, heard: Heard) -> AsyncIterator[Updates]:
    made = Updates(log, heard.message, heard.gap)
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(stop))
    yield made
    stop.set()
    await task


async def test_only_orders_that_were_subscribed_are_heard(
    log: Log, updates: Updates, heard: Heard
) -> None:
    ours, others = an_order_id(), an_order_id()
    await updates.subscribe(ours)

    await publish(log, (others, b"no"), (ours, b"yes"))
    await eventually(lambda: heard.messages)

    assert heard.messages == [(ours, b"yes")]


async def test_after_unsubscribing_an_order_is_heard_no_more(
    log: Log, updates: Updates, heard: Heard
) -> None:
    first, second = an_order_id(), an_order_id()
    await updates.subscribe(first)
    updates.unsubscribe(first)
    await updates.subscribe(second)

    await publish(log, (first, b"no"))
    await publish(log, (second, b"yes"))
    await eventually(lambda: heard.messages)

    assert heard.messages == [(second, b"yes")]


async def test_an_order_let_go_and_wanted_again_at_once_is_heard_and_no_link_is_lost(
    log: Log, updates: Updates, heard: Heard
) -> None:
    order_id, other = an_order_id(), an_order_id()
    await updates.subscribe(other)
    for _ in range(20):
        await updates.subscribe(order_id)
        updates.unsubscribe(order_id)
    await updates.subscribe(order_id)

    await publish(log, (order_id, b"yes"), (other, b"too"))
    await eventually(lambda: len(heard.messages) == 2)

    assert heard.gaps == 0


async def test_a_thousand_orders_are_subscribed_with_one_command_a_partition(
    log: Log, updates: Updates
) -> None:
    await updates.subscribe(an_order_id())
    before = await _calls(log, "ssubscribe")

    await updates.subscribe(*(an_order_id() for _ in range(1_000)))

    assert await _calls(log, "ssubscribe") - before == log.keys.partitions


async def _calls(log: Log, command: str) -> int:
    stats: bytes = await log.client.call("INFO", "commandstats")
    found = [part for part in stats.split() if part.startswith(b"cmdstat_%s:" % command.encode())]
    return int(found[0].partition(b"calls=")[2].partition(b",")[0]) if found else 0


async def test_of_many_events_only_those_of_followed_orders_are_published(
    log: Log, updates: Updates, heard: Heard
) -> None:
    histories = [history(ending="confirmed") for _ in range(400)]
    ours = [histories[0][0].order_id, histories[-1][0].order_id]
    await updates.subscribe(*ours)
    before = await _calls(log, "spublish")

    await notify(log, [_delivery(log, event) for h in histories for event in h])
    await eventually(lambda: len(heard.messages) == 2 * len(histories[0]))

    assert await _calls(log, "spublish") - before == 2 * len(histories[0])
    assert {order_id for order_id, _ in heard.messages} == set(ours)


async def test_of_few_events_each_is_published_without_a_question(
    log: Log, updates: Updates, heard: Heard
) -> None:
    events = history(ending="confirmed")
    await updates.subscribe(events[0].order_id)
    asked = await _calls(log, "pubsub|shardnumsub")

    await notify(log, [_delivery(log, event) for event in events])
    await eventually(lambda: len(heard.messages) == len(events))

    assert await _calls(log, "pubsub|shardnumsub") == asked


async def test_of_an_entry_with_several_events_each_is_published_in_order(
    log: Log, updates: Updates, heard: Heard
) -> None:
    events = history(ending="confirmed")
    await updates.subscribe(events[0].order_id)
    earlier = [Written(type(event).__name__, encode(event)) for event in events[:-1]]

    await notify(log, [replace(_delivery(log, events[-1]), earlier=earlier)])
    await eventually(lambda: len(heard.messages) == len(events))

    versions = [msgspec.json.decode(message)["version"] for _, message in heard.messages]
    assert versions == [event.version for event in events]


async def test_it_is_known_who_is_followed_however_many_are_asked_about(
    log: Log, updates: Updates
) -> None:
    ids = [an_order_id() for _ in range(10_000)]
    await updates.subscribe(ids[0], ids[5_000], ids[-1])

    assert await Following(log).among(ids) == {ids[0], ids[5_000], ids[-1]}
    assert await Following(log).among([]) == set()


async def test_who_comes_after_nobody_was_there_is_found_all_the_same(
    log: Log, updates: Updates
) -> None:
    following, order_id, other = Following(log), an_order_id(), an_order_id()
    assert await following.among([order_id]) == set()
    assert await following.among([order_id]) == set()

    await updates.subscribe(order_id)

    assert await following.among([other]) == set()
    assert await following.among([order_id, other]) == {order_id}


async def test_while_nobody_follows_anything_no_order_is_asked_about(log: Log) -> None:
    following = Following(log)
    await eventually(lambda: _nobody_is_there(log))  # Who followed before may still be leaving.
    await following.among([an_order_id()])
    [before] = await _script_calls(log)

    assert await following.among([an_order_id()]) == set()

    assert await _script_calls(log) == [before]


async def _nobody_is_there(log: Log) -> bool:
    return b"pubsubshard_channels:0\r\n" in await log.client.call("INFO", "stats")


async def _script_calls(log: Log) -> list[bytes]:
    said = await log.client.call("INFO", "commandstats")
    return re.findall(rb"cmdstat_pubsub\|shardnumsub:calls=(\d+)", said)


async def notify(log: Log, batch: list[Delivery]) -> None:
    await log.client.run(await Notifier(log).handle(batch))


def _delivery(log: Log, event: OrderEvent) -> Delivery:
    return Delivery(
        partition=log.keys.partition_of(event.order_id),
        entry_id=f"1-{event.version}",
        type=type(event).__name__,
        order_id=event.order_id,
        raw=encode(event),
        attempt=1,
    )


async def test_a_cut_link_is_renewed_and_reported_as_a_gap(
    log: Log, updates: Updates, heard: Heard
) -> None:
    order_id = an_order_id()
    await updates.subscribe(order_id)

    await log.client.call("CLIENT", "KILL", "TYPE", "PUBSUB")
    await eventually(lambda: heard.gaps)
    await publish(log, (order_id, b"again"))
    await eventually(lambda: heard.messages)

    assert heard.messages == [(order_id, b"again")]
    assert heard.gaps == 1
