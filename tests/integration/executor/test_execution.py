"""Router and executor on a real log: what happens to an order when things go wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import pytest
from msgspec.structs import replace

from shared.clock import utc_now
from shared.orders.events import (
    CancelRequested,
    OrderConfirmed,
    OrderFailed,
    OrderRouted,
    TransactionExpired,
    TransactionSigned,
)
from shared.orders.order import replay
from shared.orders.states import State
from shared.orders.values import FailureReason
from shared.settings import VenueSettings
from shared.streams.consumer.backlog import backlog_of
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Park
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from shared.venues.ledger import Ledger
from shared.venues.protocol import (
    Answer,
    Failed,
    Unknown,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)
from tests.support.builders import an_intent, history, submitted
from tests.support.eventually import eventually
from tests.support.replicas import (
    a_router,
    an_executor,
    events_of,
    place_history,
    placed,
    running,
    types_of,
    unsettled,
)
from tests.support.scripted_venue import LANDED, ScriptedVenue

HAPPY = [
    "OrderSubmitted",
    "RoutingStarted",
    "OrderRouted",
    "TransactionSigned",
    "TransactionSent",
    "OrderConfirmed",
]


def raising(error: Exception) -> Callable[..., NoReturn]:
    def do(*_args: object) -> NoReturn:
        raise error

    return do


async def has_ended(log: Log, order_id: str) -> bool:
    order = replay(await events_of(log, order_id))
    return order is not None and order.ended


async def is_settled(log: Log) -> bool:
    return await unsettled(log, "router") + await unsettled(log, "executor") == 0


async def landed(log: Log, settings: VenueSettings) -> list[str]:
    ledger = Ledger(log.client, namespace=settings.namespace, retention_s=60)
    return [swap.order_id async for swap in ledger.landed()]


async def routed(log: Log, *, fresh: bool = True) -> str:
    """Put an order on the log that waits to be signed."""
    first, routing, chosen = history(ending="routed")
    assert isinstance(chosen, OrderRouted)
    if fresh:
        quote = replace(chosen.route.quote, expires_at=utc_now() + timedelta(hours=1))
        chosen = replace(chosen, route=replace(chosen.route, quote=quote))
    await place_history(log, [first, routing, chosen])
    return first.order_id


async def test_an_order_goes_from_submitted_to_confirmed_one_event_a_step(
    log: Log, settings: VenueSettings
) -> None:
    order = await placed(log)

    async with (
        running(log, "router", a_router(log, settings), settings),
        running(log, "executor", an_executor(log, settings), settings),
    ):
        await eventually(lambda: has_ended(log, order.order_id))
        await eventually(lambda: is_settled(log))

    events = await events_of(log, order.order_id)
    [chosen] = [event for event in events if isinstance(event, OrderRouted)]
    assert [type(event).__name__ for event in events] == HAPPY
    assert [event.version for event in events] == [1, 2, 3, 4, 5, 6]
    assert {quote.venue for quote in chosen.quotes} == {"raydium", "meteora"}
    assert chosen.route.quote.net_out == max(quote.net_out for quote in chosen.quotes)
    assert await landed(log, settings) == [order.order_id]


@pytest.mark.parametrize("did_its_work", [False, True])
@pytest.mark.parametrize("left_at", range(1, 6))
async def test_an_order_left_at_any_step_by_a_dead_replica_is_finished_by_another(
    log: Log, settings: VenueSettings, left_at: int, *, did_its_work: bool
) -> None:
    """Whether it died before it did the step, or after, with nothing of it on the log."""
    router, executor = a_router(log, settings), an_executor(log, settings)
    order = await placed(log)
    while (event := (await events_of(log, order.order_id))[-1]).version < left_at:
        handler = router if isinstance(event, router.handles) else executor
        following = await handler.handle(event)
        assert not isinstance(following, Park)
        step = Append(order_id=order.order_id, expected=event.version, events=following)
        await log.append("", [step])
    for name in ("router", "executor"):
        dead = Group(log, name, "dead")
        await dead.read(list(dead.partitions), 10, 10)
    if did_its_work:
        await (router if isinstance(event, router.handles) else executor).handle(event)

    short = settings.model_copy(update={"lease_ms": 200})
    async with running(log, "router", router, short), running(log, "executor", executor, short):
        await eventually(lambda: has_ended(log, order.order_id))
        await eventually(lambda: is_settled(log))

    types = await types_of(log, order.order_id)
    assert [kind for kind in types if kind != "TransactionSent"] == [
        kind for kind in HAPPY if kind != "TransactionSent"
    ]
    assert await landed(log, settings) == [order.order_id]


async def test_an_order_for_a_token_that_the_router_does_not_know_fails_for_that(
    log: Log, settings: VenueSettings
) -> None:
    venue = ScriptedVenue(on_quote=raising(VenueUnavailable("it was asked")))
    order = submitted(at=utc_now())
    await placed(log, replace(order, intent=replace(order.intent, token_in="FOO")))

    async with running(log, "router", a_router(log, settings, [venue]), settings):
        await eventually(lambda: has_ended(log, order.order_id))

    *_, last = await events_of(log, order.order_id)
    assert isinstance(last, OrderFailed)
    assert last.reason is FailureReason.UNKNOWN_TOKEN
    assert last.detail == "the router knows no token FOO"


async def test_three_failures_before_signing_fail_the_order(
    log: Log, settings: VenueSettings
) -> None:
    venue = ScriptedVenue(on_quote=raising(VenueUnavailable("try later")))
    order = await placed(log)

    async with running(log, "router", a_router(log, settings, [venue]), settings):
        await eventually(lambda: has_ended(log, order.order_id))

    *_, last = await events_of(log, order.order_id)
    assert isinstance(last, OrderFailed)
    assert last.reason is FailureReason.RETRIES_EXHAUSTED
    assert "try later" in last.detail


async def test_three_failures_to_build_fail_the_order(log: Log, settings: VenueSettings) -> None:
    venue = ScriptedVenue(on_build=raising(VenueUnavailable("no node")))
    order_id = await routed(log)

    async with running(log, "executor", an_executor(log, settings, venue), settings):
        await eventually(lambda: has_ended(log, order_id))

    *_, last = await events_of(log, order_id)
    assert isinstance(last, OrderFailed)
    assert last.reason is FailureReason.RETRIES_EXHAUSTED
    assert venue.sent == []


async def test_failures_after_signing_are_unresolved_until_the_chain_answers(
    log: Log, settings: VenueSettings
) -> None:
    chain: dict[str, Answer] = {}
    venue = ScriptedVenue(
        on_send=raising(VenueUnavailable("no node")),
        on_status=lambda signature: chain.get(signature, Unknown()),
    )
    order_id = await routed(log)
    patient = settings.model_copy(update={"unresolved_poll_ms": 20})

    async def unresolved() -> bool:
        return (await types_of(log, order_id))[-1] == "OrderUnresolved"

    async def parked() -> bool:
        return sum(part.parked for part in await backlog_of(log, "executor")) == 1

    async with running(log, "executor", an_executor(log, settings, venue), patient):
        await eventually(unresolved)
        await eventually(parked)
        await eventually(lambda: is_settled_executor(log))
        assert not await has_ended(log, order_id)

        chain[venue.sent[0]] = LANDED
        await eventually(lambda: has_ended(log, order_id))

    assert (await types_of(log, order_id))[-2:] == ["OrderUnresolved", "OrderConfirmed"]
    assert set(venue.sent) == {venue.sent[0]}  # Only ever the same bytes.
    assert venue.built == 1


async def is_settled_executor(log: Log) -> bool:
    return await unsettled(log, "executor") == 0


async def test_silence_after_sending_is_unresolved_and_a_late_answer_ends_it(
    log: Log, settings: VenueSettings
) -> None:
    answers: list[Answer] = []
    venue = ScriptedVenue(on_status=lambda _signature: answers[0] if answers else Unknown())
    quick = settings.model_copy(
        update={"confirm_budget_ms": 50, "confirm_poll_ms": 10, "unresolved_poll_ms": 20}
    )
    order_id = await routed(log)

    async def unresolved() -> bool:
        order = replay(await events_of(log, order_id))
        return order is not None and order.state is State.UNRESOLVED

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(unresolved)
        answers.append(Failed(FailureReason.SLIPPAGE_EXCEEDED, "paid too little"))
        await eventually(lambda: has_ended(log, order_id))

    *_, last = await events_of(log, order_id)
    assert isinstance(last, OrderFailed)
    assert last.reason is FailureReason.SLIPPAGE_EXCEEDED


async def test_a_venue_whose_status_breaks_leaves_no_order_waiting_for_ever(
    log: Log, settings: VenueSettings
) -> None:
    venue = ScriptedVenue()
    quick = settings.model_copy(update={"confirm_budget_ms": 300, "confirm_poll_ms": 10})
    order_id = await routed(log)

    async def unresolved() -> bool:
        return (await types_of(log, order_id))[-1] == "OrderUnresolved"

    async with running(log, "executor", an_executor(log, quick, venue), quick):
        await eventually(lambda: venue.asked)
        venue.on_status = raising(KeyError("a bug"))
        await eventually(unresolved)


async def test_a_send_refused_because_the_bytes_had_landed_is_confirmed(
    log: Log, settings: VenueSettings
) -> None:
    venue = ScriptedVenue(
        on_send=raising(VenueRejected("already processed")), on_status=lambda _signature: LANDED
    )
    order_id = await routed(log)

    async with running(log, "executor", an_executor(log, settings, venue), settings):
        await eventually(lambda: has_ended(log, order_id))

    assert (await types_of(log, order_id))[-2:] == ["TransactionSigned", "OrderConfirmed"]


async def test_a_venue_that_refuses_to_build_fails_the_order_and_nothing_is_signed(
    log: Log, settings: VenueSettings
) -> None:
    venue = ScriptedVenue(on_build=raising(VenueRejected("pool is closed")))
    order_id = await routed(log)

    async with running(log, "executor", an_executor(log, settings, venue), settings):
        await eventually(lambda: has_ended(log, order_id))

    *_, last = await events_of(log, order_id)
    assert isinstance(last, OrderFailed)
    assert last.reason is FailureReason.VENUE_REJECTED
    assert venue.built == 1


async def test_a_stale_route_is_quoted_again_and_not_executed(
    log: Log, settings: VenueSettings
) -> None:
    order_id = await routed(log, fresh=False)

    async with (
        running(log, "router", a_router(log, settings), settings),
        running(log, "executor", an_executor(log, settings), settings),
    ):
        await eventually(lambda: has_ended(log, order_id))

    order = replay(await events_of(log, order_id))
    assert order is not None
    assert (await types_of(log, order_id))[3:5] == ["RouteExpired", "OrderRouted"]
    assert order.attempts == 2
    assert order.state is State.CONFIRMED


async def test_routes_that_keep_going_stale_are_bounded(log: Log, settings: VenueSettings) -> None:
    venue = ScriptedVenue()  # Its quotes expired long ago.
    order = await placed(log)
    few = settings.model_copy(update={"max_routes": 3})

    async with (
        running(log, "router", a_router(log, few, [venue]), few),
        running(log, "executor", an_executor(log, few, venue), few),
    ):
        await eventually(lambda: has_ended(log, order.order_id))

    *_, last = await events_of(log, order.order_id)
    assert isinstance(last, OrderFailed)
    assert last.reason is FailureReason.ROUTES_EXHAUSTED
    assert last.attempts == 3
    assert venue.built == 0


async def test_an_order_past_its_deadline_expires_unsigned(
    log: Log, settings: VenueSettings
) -> None:
    intent = an_intent(expires_at=utc_now() - timedelta(seconds=1))
    order = await placed(log, submitted(intent=intent))

    async with running(log, "router", a_router(log, settings), settings):
        await eventually(lambda: has_ended(log, order.order_id))

    assert (await types_of(log, order.order_id))[-1] == "OrderExpired"


async def test_an_order_moved_on_from_outside_is_neither_stranded_nor_pinned(
    log: Log, settings: VenueSettings
) -> None:
    chain: dict[str, Answer] = {}
    venue = ScriptedVenue(on_status=lambda signature: chain.get(signature, Unknown()))
    order_id = await routed(log)

    async def waiting() -> bool:
        return (await types_of(log, order_id))[-1] == "TransactionSent" and bool(venue.asked)

    async with running(log, "executor", an_executor(log, settings, venue), settings):
        await eventually(waiting)
        [*_, sent] = await events_of(log, order_id)
        cancel = CancelRequested(**sent.next(utc_now()), state=State.SENT)
        await log.append(
            "executor", [Append(order_id=order_id, expected=sent.version, events=[cancel])]
        )
        chain[venue.sent[0]] = LANDED
        await eventually(lambda: has_ended(log, order_id))
        await eventually(lambda: is_settled_executor(log))

    order = replay(await events_of(log, order_id))
    assert order is not None
    assert (order.state, order.cancel_requested) == (State.CONFIRMED, True)


async def test_a_cancel_while_the_send_is_under_way_still_gets_it_sent(
    log: Log, settings: VenueSettings
) -> None:
    venue = ScriptedVenue(on_status=lambda _signature: LANDED)
    events = history(ending="sent")[:4]
    signed = events[-1]
    assert isinstance(signed, TransactionSigned)
    events.append(CancelRequested(**signed.next(utc_now()), state=State.SIGNED))
    await place_history(log, events)

    async with running(log, "executor", an_executor(log, settings, venue), settings):
        await eventually(lambda: has_ended(log, signed.order_id))
        await eventually(lambda: is_settled_executor(log))

    assert set(venue.sent) == {signed.transaction.signature}
    assert isinstance((await events_of(log, signed.order_id))[-1], OrderConfirmed)


async def test_a_cancelled_order_whose_transaction_expired_is_not_tried_again(
    log: Log, settings: VenueSettings
) -> None:
    events = history(ending="sent")
    cancel = CancelRequested(**events[-1].next(utc_now()), state=State.SENT)
    proof = TransactionExpired(**cancel.next(utc_now()), signature="5sig", proof="past the limit")
    await place_history(log, [*events, cancel, proof])

    async with running(log, "router", a_router(log, settings), settings):
        await eventually(lambda: has_ended(log, events[0].order_id))

    assert (await types_of(log, events[0].order_id))[-1] == "OrderCancelled"


async def test_one_venue_down_is_routed_around_and_the_reason_is_kept(
    log: Log, settings: VenueSettings
) -> None:
    down = ScriptedVenue("raydium", on_quote=raising(VenueUnavailable("pool is syncing")))
    up = ScriptedVenue("meteora")
    order = await placed(log)

    async with running(log, "router", a_router(log, settings, [down, up]), settings):

        async def is_routed() -> bool:
            return await log.versions([order.order_id]) == [3]

        await eventually(is_routed)

    *_, chosen = await events_of(log, order.order_id)
    assert isinstance(chosen, OrderRouted)
    assert chosen.route.venue == "meteora"
    assert [(r.venue, r.reason) for r in chosen.refusals] == [("raydium", "pool is syncing")]


async def test_venues_whose_network_is_away_are_waited_for(
    log: Log, settings: VenueSettings
) -> None:
    asked = []

    def quote(_intent: object) -> NoReturn:
        asked.append(1)
        raise VenueUnreachable("connection refused")

    venue = ScriptedVenue(on_quote=quote)
    order = await placed(log)
    quick = settings.model_copy(update={"backoff_base_ms": 10})

    async with running(log, "router", a_router(log, quick, [venue]), quick):
        await eventually(lambda: len(asked) > 3 * settings.max_attempts)
        assert not await has_ended(log, order.order_id)
        venue.on_quote = None

        async def is_routed() -> bool:
            return await log.versions([order.order_id]) == [3]

        await eventually(is_routed)


async def test_a_final_no_of_every_venue_fails_the_order_at_once(
    log: Log, settings: VenueSettings
) -> None:
    venues = [
        ScriptedVenue(name, on_quote=raising(VenueRejected("no such pair")))
        for name in ("raydium", "meteora")
    ]
    order = await placed(log)

    async with running(log, "router", a_router(log, settings, venues), settings):
        await eventually(lambda: has_ended(log, order.order_id))

    *_, last = await events_of(log, order.order_id)
    assert isinstance(last, OrderFailed)
    assert last.reason is FailureReason.NO_ROUTE
    assert last.detail == "raydium: no such pair; meteora: no such pair"


async def test_waiting_for_the_chain_holds_no_slot(log: Log, settings: VenueSettings) -> None:
    venue = ScriptedVenue()
    one_slot = settings.model_copy(update={"max_in_flight": 1})
    orders = [await routed(log) for _ in range(10)]

    async def all_sent() -> bool:
        return await log.versions(orders) == [5] * 10

    async with running(log, "executor", an_executor(log, one_slot, venue), one_slot):
        await eventually(all_sent)
