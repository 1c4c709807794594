"""What was signed for an order turns up on the chain after the order has ended without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from shared.archive.archive import Archive
from shared.archive.fold import Recorded
from shared.clock import utc_now
from shared.orders.codec import encode
from shared.orders.events import (
    OrderCancelled,
    OrderConfirmed,
    OrderEvent,
    OutcomeContradicted,
    TransactionExpired,
    TransactionSigned,
)
from shared.orders.order import replay
from shared.orders.states import State
from shared.orders.values import SignedTransaction
from shared.settings import VenueSettings
from shared.streams.consumer.backlog import backlog_of
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Turn
from shared.streams.consumer.missing_history import ArchivedHistories
from shared.streams.consumer.steps import Steps
from shared.streams.log.log import Log
from shared.venues.protocol import Expired, Landed, Unknown, VenueUnavailable
from tests.support.builders import a_transaction, history
from tests.support.eventually import eventually
from tests.support.replicas import (
    an_executor,
    events_of,
    place_history,
    running,
    types_of,
    unsettled,
    working,
)
from tests.support.scripted_venue import LANDED, ScriptedVenue

LANDED_NOT_FINAL = Landed(LANDED.receipt, final=False)
QUICK = {"look_back_ms": 50, "look_back_for_ms": 400}


@pytest.fixture
def quick(settings: VenueSettings) -> VenueSettings:
    return settings.model_copy(update=QUICK)


def withdrawn() -> list[OrderEvent]:
    """Return the history of an order that was cancelled once its transaction was proven dead."""
    events = history(ending="sent")
    signed = events[3]
    assert isinstance(signed, TransactionSigned)
    proof = TransactionExpired(
        **events[-1].next(utc_now()), signature=signed.transaction.signature, proof="dead"
    )
    return [*events, proof, OrderCancelled(**proof.next(utc_now()))]


def confirmed_twice_signed() -> list[OrderEvent]:
    """Return the history of an order that is about to be confirmed at its second attempt."""
    events = history(ending="sent")
    routed, signed, sent = events[2:5]
    assert isinstance(signed, TransactionSigned)
    proof = TransactionExpired(
        **sent.next(utc_now()), signature=signed.transaction.signature, proof="dead"
    )
    events.append(proof)
    transaction = a_transaction("second")
    for event, changes in (
        (routed, {"attempt": 2}),
        (signed, {"attempt": 2, "transaction": transaction}),
        (sent, {"attempt": 2, "signature": "second"}),
    ):
        events.append(replace(event, **events[-1].next(utc_now()), **changes))
    return events


def contradicted(log: Log, order_id: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await types_of(log, order_id))[-1:] == ["OutcomeContradicted"]

    return look


def nothing_parked(log: Log) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        parked = sum(part.parked for part in await backlog_of(log, "executor"))
        return parked + await unsettled(log, "executor") == 0

    return look


async def test_a_swap_that_landed_after_its_order_had_ended_is_recorded_and_no_second_end(
    log: Log, quick: VenueSettings
) -> None:
    events = withdrawn()
    venue = ScriptedVenue(on_search=lambda _transaction: LANDED)
    await place_history(log, events)

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(contradicted(log, events[0].order_id))
        await eventually(nothing_parked(log))

    after = await events_of(log, events[0].order_id)
    order = replay(after)
    assert after[:-1] == events
    assert isinstance(after[-1], OutcomeContradicted)
    assert after[-1].signature == f"sig-{events[0].order_id}"
    assert order is not None
    assert (order.state, order.contradicted) == (State.CANCELLED, True)


async def test_a_confirmed_swap_is_watched_until_it_is_final(
    log: Log, quick: VenueSettings
) -> None:
    answers = [LANDED_NOT_FINAL, LANDED_NOT_FINAL, LANDED]
    venue = ScriptedVenue(
        on_status=lambda _signature: LANDED_NOT_FINAL,
        on_search=lambda _transaction: answers.pop(0),
    )
    events = history(ending="sent")
    await place_history(log, events)

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(lambda: not answers)
        await eventually(nothing_parked(log))

    assert (await types_of(log, events[0].order_id))[-1] == "OrderConfirmed"


async def test_a_confirmed_swap_that_a_fork_took_back_is_sent_again_and_told_once_it_is_dead(
    log: Log, quick: VenueSettings
) -> None:
    answers = iter([Unknown(), Unknown()])
    venue = ScriptedVenue(
        on_status=lambda _signature: LANDED_NOT_FINAL,
        on_search=lambda _transaction: next(answers, Expired("gone")),
    )
    events = history(ending="sent")
    await place_history(log, events)

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(contradicted(log, events[0].order_id))
        await eventually(nothing_parked(log))

    *_, confirmed, record = await events_of(log, events[0].order_id)
    assert isinstance(confirmed, OrderConfirmed)
    assert isinstance(record, OutcomeContradicted)
    assert (confirmed.final, record.kind, record.state) == (False, "rolledBack", State.CONFIRMED)
    assert venue.sent == [confirmed.signature] * 2


async def test_the_chain_is_asked_a_few_times_and_then_no_more(
    log: Log, quick: VenueSettings
) -> None:
    asked: list[str] = []

    def search(transaction: SignedTransaction) -> Unknown:
        asked.append(transaction.signature)
        return Unknown()

    venue = ScriptedVenue(on_search=search)
    events = withdrawn()
    longer = quick.model_copy(update={"look_back_for_ms": 2_000})
    await place_history(log, events)

    async with running(log, "executor", an_executor(log, longer, venue), longer):
        await eventually(lambda: asked)
        await eventually(nothing_parked(log))

    assert await events_of(log, events[0].order_id) == events
    assert len(asked) <= 7  # At 50 ms, and each time twice as late.


async def test_a_venue_that_does_not_answer_is_asked_until_it_has(
    log: Log, quick: VenueSettings
) -> None:
    asked: list[datetime] = []

    def search(_transaction: object) -> Unknown:
        asked.append(utc_now())
        if asked[-1] - asked[0] < timedelta(seconds=1):
            raise VenueUnavailable("node is down")
        return Unknown()

    venue = ScriptedVenue(on_search=search)
    await place_history(log, withdrawn())

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(lambda: asked)
        await eventually(nothing_parked(log))

    assert asked[-1] - asked[0] >= timedelta(seconds=1)


async def test_a_second_swap_of_a_confirmed_order_is_recorded(
    log: Log, quick: VenueSettings
) -> None:
    events = confirmed_twice_signed()
    order_id = events[0].order_id
    ended: list[bool] = []

    venue = ScriptedVenue(
        on_status=lambda signature: LANDED if signature == "second" else Unknown(),
        on_search=lambda _one: LANDED if ended else Unknown(),
    )
    await place_history(log, events)

    async def confirmed() -> bool:
        return "OrderConfirmed" in await types_of(log, order_id)

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(confirmed)
        ended.append(True)
        await eventually(contradicted(log, order_id))

    [*_, confirmation, record] = await events_of(log, order_id)
    assert isinstance(confirmation, OrderConfirmed)
    assert isinstance(record, OutcomeContradicted)
    assert (confirmation.signature, record.signature) == ("second", f"sig-{order_id}")


async def test_an_order_that_ended_unsigned_is_not_looked_at(
    log: Log, quick: VenueSettings
) -> None:
    venue = ScriptedVenue(on_search=lambda _transaction: LANDED)
    events = history(ending="failed")
    await place_history(log, events)

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(nothing_parked(log))

    assert await events_of(log, events[0].order_id) == events


@pytest.mark.parametrize("gone", ["before its end was seen", "once it was parked"])
async def test_an_order_whose_history_has_left_redis_is_looked_at_all_the_same(
    log: Log, quick: VenueSettings, archive: Archive, gone: str
) -> None:
    """And what is recorded then stays in Redis until somebody has archived it."""
    events = withdrawn()
    order_id = events[0].order_id
    landed: list[bool] = []
    venue = ScriptedVenue(on_search=lambda _transaction: LANDED if landed else Unknown())
    await place_history(log, events)
    await archive.store([Recorded(event, encode(event)) for event in events])
    key = log.keys.history(order_id)
    unhurried = quick.model_copy(update={"look_back_for_ms": 60_000})

    async def is_parked() -> bool:
        return sum(part.parked for part in await backlog_of(log, "executor")) == 1

    if gone == "before its end was seen":
        await log.client.call("DEL", key)
    membership = Group(log, "executor", f"replica-{uuid4().hex[:8]}")
    handler = an_executor(log, unhurried, venue)
    recall = ArchivedHistories(membership, archive.history, ttl_s=4).recall
    worker = Steps(membership, handler, unhurried, archive.ended, recall)
    async with working(membership, worker, unhurried):
        await eventually(is_parked)
        await log.client.call("DEL", key)
        landed.append(True)
        await eventually(contradicted(log, order_id))

    assert (await events_of(log, order_id))[:-1] == events
    assert await log.client.call("PTTL", key) == -1


async def test_a_history_is_recalled_only_by_who_has_the_turn_and_only_as_a_whole(
    log: Log, archive: Archive
) -> None:
    ended, open_order = withdrawn(), history(ending="sent")
    await archive.store([Recorded(event, encode(event)) for event in [*ended, *open_order]])
    executor = Group(log, "executor", "me")
    order_ids = [ended[0].order_id, open_order[0].order_id]
    for order_id in order_ids:
        due = log.keys.due(log.keys.partition_of(order_id), executor.name)
        await log.client.call("ZADD", due, 2_000, order_id)
    recall = ArchivedHistories(executor, archive.history, ttl_s=60).recall
    came = []
    for turn in (
        Turn(order_ids[0], until_ms=1_000),  # Somebody else has taken it up since.
        Turn(order_ids[0], entry_id="1-0"),  # It was handed back, or settled.
        Turn(order_ids[1], until_ms=2_000),  # Not all of it is archived.
        Turn(order_ids[0], until_ms=2_000),
    ):
        await recall([turn])
        came.append(await log.versions(order_ids))

    assert came == [[0, 0], [0, 0], [0, 0], [len(ended), 0]]


async def test_a_recalled_history_is_gone_again_after_a_while_and_none_is_overwritten(
    log: Log, archive: Archive
) -> None:
    kept, gone = withdrawn(), withdrawn()
    await place_history(log, kept)
    await archive.store([Recorded(event, encode(event)) for event in [*kept[:-1], *gone]])
    order_ids = [kept[0].order_id, gone[0].order_id]

    executor = Group(log, "executor", "me")
    turns = [Turn(order_id, until_ms=2_000) for order_id in order_ids]
    for turn in turns:
        due = log.keys.due(log.keys.partition_of(turn.order_id), executor.name)
        await log.client.call("ZADD", due, turn.until_ms, turn.order_id)

    await ArchivedHistories(executor, archive.history, ttl_s=60).recall(turns)

    ttls = [await log.client.call("TTL", log.keys.history(order_id)) for order_id in order_ids]
    assert [await events_of(log, order_id) for order_id in order_ids] == [kept, gone]
    assert ttls[0] == -1
    assert 0 < ttls[1] <= 60
