"""What a batch of events says about its orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.archive.distinct import distinct
from shared.archive.fold import OrderRow, Recorded, merge
from shared.orders.codec import encode
from shared.orders.events import (
    CancelRequested,
    OrderCancelled,
    OrderEvent,
    OrderFailed,
    OutcomeContradicted,
)
from shared.orders.order import Order, replay
from shared.orders.states import State
from shared.orders.values import FailureReason
from tests.support.archive import recorded
from tests.support.builders import Ending, an_order_id, history, submitted

ENDINGS: list[Ending] = [
    "pending",
    "routed",
    "sent",
    "unresolved",
    "confirmed",
    "failed",
    "rerouted",
]


def row_of(events: Sequence[OrderEvent]) -> OrderRow:
    [row] = merge(distinct(recorded(events)).events)
    return row


@given(endings=st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=4), seed=st.integers())
def test_the_order_of_events_and_repeats_change_nothing(endings: list[Ending], seed: int) -> None:
    events = [event for ending in endings for event in history(ending=ending)]
    mixed = events + Random(seed).choices(events, k=3)
    Random(seed).shuffle(mixed)

    assert merge(distinct(recorded(mixed)).events) == merge(distinct(recorded(events)).events)


@given(ending=st.sampled_from(ENDINGS), length=st.integers(min_value=1, max_value=10))
def test_a_row_says_what_the_fold_says(ending: Ending, length: int) -> None:
    events = history(ending=ending)[:length]
    order = replay(events)

    assert isinstance(order, Order)
    assert row_of(events) == OrderRow(
        order_id=order.id,
        version=order.version,
        status=order.status,
        unresolved=order.state is State.UNRESOLVED,
        updated_at=order.updated_at,
        seen=f"{{[1,{order.version}]}}",
        client_order_id=order.client_order_id,
        account=order.account,
        token_in=order.intent.token_in,
        token_out=order.intent.token_out,
        amount_in=order.intent.amount_in,
        max_slippage_bps=order.intent.max_slippage_bps,
        expires_at=order.intent.expires_at,
        submitted_at=order.submitted_at,
        route_version=row_of(events).route_version,
        attempts=order.attempts,
        venue=order.route.venue if order.route else None,
        quoted_out=order.route.quote.amount_out if order.route else None,
        min_out=order.route.min_out if order.route else None,
        signature_version=row_of(events).signature_version,
        signature=order.signature,
        ended_at=order.updated_at if order.ended else None,
        outcome=order.status if order.ended else None,
        ended_on=order.route.venue if order.ended and order.route else None,
        signature_head=order.signature[:12] if order.ended and order.signature else None,
        amount_out=order.receipt.amount_out if order.receipt else None,
        price=order.price,
        failure_reason=order.failure,
        failure_detail=order.detail if order.failure else None,
        cancel_requested=order.cancel_requested,
        contradicted=order.contradicted,
    )


def test_rows_come_by_order_id_so_that_replicas_lock_them_alike() -> None:
    low, high = sorted([an_order_id(), an_order_id()])
    rows = merge(distinct(recorded([*history(high), *history(low)])).events)

    assert [row.order_id for row in rows] == [low, high]


def test_a_row_names_the_versions_it_is_made_of() -> None:
    events = history(ending="confirmed")

    assert row_of(events[2:5]).seen == "{[3,5]}"
    assert row_of([events[0], *events[4:]]).seen == "{[1,1],[5,5],[6,6]}"


def test_a_cancel_request_leaves_an_unresolved_order_unresolved() -> None:
    events = history(ending="unresolved")
    head = events[-1].next(events[-1].at)
    row = row_of([*events, CancelRequested(**head, state=State.UNRESOLVED)])

    assert row.unresolved
    assert row.cancel_requested
    assert row.ended_at is None


def test_a_cancelled_order_has_ended() -> None:
    first = submitted()
    row = row_of([first, OrderCancelled(**first.next(first.at + timedelta(seconds=1)))])

    assert row.status == "cancelled"
    assert row.ended_at == first.at + timedelta(seconds=1)


def test_a_contradiction_is_flagged_and_is_no_second_end() -> None:
    events = history(ending="failed")
    late = events[-1].at + timedelta(hours=1)
    contradiction = OutcomeContradicted(
        **events[-1].next(late), state=State.FAILED, signature="5sig", detail="it landed"
    )
    row = row_of([*events, contradiction])

    assert row.contradicted
    assert row.status == "failed"
    assert row.ended_at == events[-1].at


def test_a_character_that_postgres_cannot_hold_is_replaced_in_the_detail() -> None:
    first = submitted()
    failed = OrderFailed(
        **first.next(first.at), reason=FailureReason.VENUE_REJECTED, detail="no\0pe", attempts=1
    )

    assert row_of([first, failed]).failure_detail == "no\N{REPLACEMENT CHARACTER}pe"


@pytest.mark.parametrize("came", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_of_a_version_with_several_contents_the_first_on_the_log_is_the_event(
    came: list[int],
) -> None:
    event = submitted()
    written = [
        Recorded(other, encode(other), (0, place))
        for seconds, place in enumerate(["9-9", "10-2", "10-11"])
        if (other := submitted(event.order_id, at=event.at + timedelta(seconds=seconds)))
    ]
    events, others = distinct([written[place] for place in came])

    assert events == written[:1]
    assert {other.raw for other in others} == {other.raw for other in written[1:]}
