"""From signing on: the same bytes again and again, and another attempt only upon proof."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace as replace_dataclass
from datetime import timedelta
from itertools import pairwise
from typing import NoReturn

import pytest
from msgspec.structs import replace

from shared.clock import utc_now
from shared.orders.events import OrderEvent, OrderRouted, TransactionExpired, TransactionSigned
from shared.orders.order import Order, replay
from shared.orders.states import State
from shared.orders.values import SignedTransaction
from shared.settings import VenueSettings
from shared.streams.errors import HistoryMissing
from shared.streams.log.log import Log
from shared.venues.ledger import Ledger
from shared.venues.protocol import Answer, Expired, Unknown, VenueRejected, VenueUnavailable
from tests.support.builders import a_quote, an_intent, history, submitted
from tests.support.eventually import eventually
from tests.support.outcomes import all_ended, swaps
from tests.support.replicas import (
    a_router,
    an_executor,
    events_of,
    place_history,
    placed,
    running,
    types_of,
)
from tests.support.scripted_venue import LANDED, ScriptedVenue

DEAD = Expired("past its last block, and in none that is final")
QUICK = {"resend_ms": 20, "confirm_poll_ms": 10, "unresolved_poll_ms": 20}


@pytest.fixture
def quick(settings: VenueSettings) -> VenueSettings:
    return settings.model_copy(update=QUICK)


def a_venue() -> ScriptedVenue:
    """Return a venue that quotes for an hour; what it signs neither lands nor expires."""
    lasting = replace(a_quote(), expires_at=utc_now() + timedelta(hours=1))
    return ScriptedVenue(on_quote=lambda _intent: lasting)


def lands(venue: ScriptedVenue, attempt: int) -> Callable[[str], Answer]:
    """Return that only what is signed in this attempt lands, once it was sent."""

    def status(signature: str) -> Answer:
        landed = signature.endswith(f"-{attempt}") and signature in venue.sent
        return LANDED if landed else Unknown()

    return status


def dies(attempt: int) -> Callable[[SignedTransaction], Answer]:
    """Return that what is signed in this attempt is proven dead."""
    return lambda transaction: DEAD if transaction.signature.endswith(f"-{attempt}") else Unknown()


def raising(error: Exception) -> Callable[[object], NoReturn]:
    def do(_asked: object) -> NoReturn:
        raise error

    return do


def stands(log: Log, order_id: str, state: State) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        order = replay(await events_of(log, order_id))
        return order is not None and order.state is state

    return look


async def executed(
    log: Log, settings: VenueSettings, venue: ScriptedVenue, until: State = State.CONFIRMED
) -> list[OrderEvent]:
    """Return the history of a new order once it stands so."""
    order = await placed(log, submitted(intent=an_intent(), at=utc_now()))
    async with (
        running(log, "router", a_router(log, settings, [venue]), settings),
        running(log, "executor", an_executor(log, settings, venue), settings),
    ):
        await eventually(stands(log, order.order_id, until))
    return await events_of(log, order.order_id)


def kinds(events: list[OrderEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


async def test_the_same_bytes_are_sent_until_the_chain_has_them(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()
    venue.on_status = lambda _signature: LANDED if len(venue.sent) > 3 else Unknown()

    events = await executed(log, quick, venue)

    assert kinds(events)[-3:] == ["TransactionSigned", "TransactionSent", "OrderConfirmed"]
    assert venue.built == 1
    assert len(venue.sent) > 3
    assert len(set(venue.sent)) == 1


async def test_what_is_unresolved_is_sent_again_and_said_to_be_so_once(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()
    venue.on_status = lambda _signature: LANDED if len(venue.sent) > 5 else Unknown()
    silent = quick.model_copy(update={"confirm_budget_ms": 10})

    events = await executed(log, silent, venue)

    assert kinds(events)[-3:] == ["TransactionSent", "OrderUnresolved", "OrderConfirmed"]
    assert len(set(venue.sent)) == 1


async def test_a_transaction_that_is_proven_dead_is_followed_by_another(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()
    venue.on_status, venue.on_search = lands(venue, 2), dies(1)

    events = await executed(log, quick, venue)

    [expired] = [event for event in events if isinstance(event, TransactionExpired)]
    first, second = [event for event in events if isinstance(event, TransactionSigned)]
    assert kinds(events)[4:] == [
        "TransactionSent",
        "TransactionExpired",
        "OrderRouted",
        "TransactionSigned",
        "TransactionSent",
        "OrderConfirmed",
    ]
    assert (expired.signature, expired.attempt) == (first.transaction.signature, 1)
    assert expired.proof == DEAD.proof
    assert second.attempt == 2


async def test_the_old_bytes_are_never_sent_once_another_transaction_is_signed(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()
    venue.on_status = lands(venue, 3)
    venue.on_search = lambda one: Unknown() if one.signature.endswith("-3") else DEAD

    await executed(log, quick, venue)

    attempts = [signature[-1] for signature in venue.sent]
    assert attempts == sorted(attempts)
    assert set(attempts) == {"1", "2", "3"}


async def test_a_send_refused_past_the_limit_is_settled_by_the_proof(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()

    def send(transaction: SignedTransaction) -> None:
        if transaction.signature.endswith("-1"):
            raise VenueRejected("past its last block")

    venue.on_send, venue.on_status, venue.on_search = send, lands(venue, 2), dies(1)

    events = await executed(log, quick, venue)

    assert kinds(events)[3:6] == ["TransactionSigned", "TransactionExpired", "OrderRouted"]


@pytest.mark.parametrize("left", [0, 3])
async def test_a_send_refused_where_the_history_is_missing_is_no_attempt(
    log: Log, quick: VenueSettings, left: int
) -> None:
    events = history(ending="sent")[:4]
    signed = events[-1]
    assert isinstance(signed, TransactionSigned)
    await place_history(log, events)
    await log.client.call("RPOP", log.keys.history(signed.order_id), len(events) - left)
    venue = a_venue()
    venue.on_send = raising(VenueRejected("already processed"))

    with pytest.raises(HistoryMissing):
        await an_executor(log, quick, venue).handle(signed)

    assert venue.asked == []


async def test_a_send_refused_after_somebody_moved_the_order_on_is_not_tried_again(
    log: Log, quick: VenueSettings
) -> None:
    events = history(ending="sent")
    await place_history(log, events)
    venue = a_venue()
    venue.on_send = raising(VenueRejected("already processed"))

    following = await an_executor(log, quick, venue).handle(events[3])

    assert following == []


async def test_an_unresolved_order_is_tried_again_upon_proof(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()
    venue.on_status = lands(venue, 2)
    venue.on_search = lambda _transaction: DEAD if len(venue.sent) > 4 else Unknown()
    silent = quick.model_copy(update={"confirm_budget_ms": 10})

    events = await executed(log, silent, venue)

    assert kinds(events)[5:8] == ["OrderUnresolved", "TransactionExpired", "OrderRouted"]


@pytest.mark.parametrize(
    "search",
    [
        raising(VenueUnavailable("history is not available")),
        raising(TimeoutError()),
        lambda _transaction: Unknown(),
    ],
)
async def test_a_search_that_proves_nothing_leaves_the_order_unresolved_and_unsigned(
    log: Log, quick: VenueSettings, search: Callable[[SignedTransaction], Answer]
) -> None:
    venue = a_venue()
    venue.on_search = search
    silent = quick.model_copy(update={"confirm_budget_ms": 60})
    order = await placed(log, submitted(at=utc_now()))

    async with (
        running(log, "router", a_router(log, silent, [venue]), silent),
        running(log, "executor", an_executor(log, silent, venue), silent),
    ):
        await eventually(stands(log, order.order_id, State.UNRESOLVED))
        seen = len(venue.sent)
        await eventually(lambda: len(venue.sent) > seen + 3)

    assert (await types_of(log, order.order_id)).count("OrderUnresolved") == 1
    assert venue.built == 1


async def test_an_order_whose_deadline_has_passed_is_not_tried_again(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()
    deadline = utc_now() + timedelta(hours=1)
    venue.on_search = lambda _transaction: DEAD
    order = await placed(log, submitted(intent=an_intent(expires_at=deadline), at=utc_now()))
    router = replace_dataclass(
        a_router(log, quick, [venue]),
        now=lambda: deadline + timedelta(hours=1) if venue.built else utc_now(),
    )

    async with (
        running(log, "router", router, quick),
        running(log, "executor", an_executor(log, quick, venue), quick),
    ):
        await eventually(stands(log, order.order_id, State.EXPIRED))

    events = await events_of(log, order.order_id)
    assert kinds(events)[-2:] == ["TransactionExpired", "OrderExpired"]
    assert venue.built == 1


async def test_an_attempt_that_landed_after_all_is_the_orders_swap(
    log: Log, quick: VenueSettings
) -> None:
    venue = a_venue()

    def search(transaction: SignedTransaction) -> Answer:
        if transaction.signature.endswith("-2"):
            return Unknown()
        return LANDED if venue.built == 2 else DEAD  # The proof was wrong.

    venue.on_search = search

    events = await executed(log, quick, venue)

    order = replay(events)
    [first, _] = [event for event in events if isinstance(event, TransactionSigned)]
    assert isinstance(order, Order)
    assert order.signature == first.transaction.signature


async def test_orders_over_a_chain_that_drops_every_other_transaction_are_swapped_once(
    log: Log, quick: VenueSettings
) -> None:
    dropping = quick.model_copy(
        update={
            "chain_block_ms": 2,
            "chain_valid_blocks": 500,
            "max_routes": 100,  # A slow machine sends some too late as well.
            "max_attempts": 100,
            "venue_faults": "*.never_lands=0.5,*.send_lost=0.3,*.node_lags=0.1,*.send_error=0.1",
        }
    )
    order_ids = sorted([(await placed(log)).order_id for _ in range(20)])

    async with (
        running(log, "router", a_router(log, dropping), dropping),
        running(log, "executor", an_executor(log, dropping), dropping),
    ):
        await eventually(lambda: all_ended(log, order_ids))

    histories = [await events_of(log, order_id) for order_id in order_ids]
    signed = [
        event.transaction.signature
        for history in histories
        for event in history
        if isinstance(event, TransactionSigned)
    ]
    ledger = Ledger(log.client, namespace=dropping.namespace, retention_s=60)
    taken = {swap.signature async for swap in ledger.entries()}
    assert {replay(history).state for history in histories} == {State.CONFIRMED}  # type: ignore[union-attr] # none is empty
    assert await swaps(log, dropping) == order_ids
    assert len(signed) > len(order_ids)
    assert taken <= set(signed)
    assert all(
        isinstance(event, OrderRouted)
        for history in histories
        for was, event in pairwise(history)
        if isinstance(was, TransactionExpired)
    )
