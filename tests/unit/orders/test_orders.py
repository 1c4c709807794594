"""The fold: repeats, gaps, illegal moves, and the one rule about failing a signed order."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.orders.events import (
    CancelRequested,
    OrderEvent,
    OrderSubmitted,
    OutcomeContradicted,
    RouteExpired,
    TransactionExpired,
    TransactionSigned,
)
from shared.orders.order import (
    TRANSITIONS,
    IllegalTransition,
    MissingEvent,
    Order,
    evolve,
    replay,
)
from shared.orders.states import ENDS, IN_FLIGHT, STATUS, State
from shared.orders.values import CHAIN_ANSWERS, FailureReason
from tests.support.builders import NOON, history
from tests.support.walks import EVERY_KIND, a_failure, an_event, histories, path_to

FORBIDDEN = [
    (state, kind) for state, kind in product(State, EVERY_KIND) if (state, kind) not in TRANSITIONS
]


def order_in(state: State) -> Order:
    order = replay(path_to(state))
    assert order is not None
    return order


def test_nothing_has_happened_to_an_order_without_events() -> None:
    assert replay([]) is None


@given(histories())
def test_any_history_the_table_allows_folds_without_a_hole(events: list[OrderEvent]) -> None:
    order = replay(events)

    assert order is not None
    assert order.version == len(events)
    assert order.updated_at == events[-1].at


@given(st.data())
def test_an_event_that_comes_again_changes_nothing(data: st.DataObject) -> None:
    events = data.draw(histories())
    seen: list[OrderEvent] = []
    for event in events:
        seen.append(event)
        seen += data.draw(st.lists(st.sampled_from(seen), max_size=3))

    assert replay(seen) == replay(events)


@given(st.data())
def test_a_gap_is_never_folded_over(data: st.DataObject) -> None:
    events = data.draw(histories().filter(lambda events: len(events) > 1))
    missing = data.draw(st.integers(0, len(events) - 2))

    with pytest.raises(MissingEvent):
        replay(events[:missing] + events[missing + 1 :])


@pytest.mark.parametrize(("state", "kind"), TRANSITIONS)
def test_every_transition_leads_where_the_table_says(
    state: State | None, kind: type[OrderEvent]
) -> None:
    before = order_in(state) if state else None

    assert evolve(before, an_event(kind, before)).state == TRANSITIONS[state, kind]


@pytest.mark.parametrize(("state", "kind"), FORBIDDEN)
def test_what_the_table_does_not_list_cannot_happen(state: State, kind: type[OrderEvent]) -> None:
    order = order_in(state)

    with pytest.raises(IllegalTransition):
        evolve(order, an_event(kind, order))


@pytest.mark.parametrize("kind", [kind for kind in EVERY_KIND if kind is not OrderSubmitted])
def test_only_a_submission_starts_an_order(kind: type[OrderEvent]) -> None:
    with pytest.raises(IllegalTransition):
        evolve(None, an_event(kind))


@pytest.mark.parametrize(
    ("state", "reason"), list(product(sorted(IN_FLIGHT), sorted(CHAIN_ANSWERS)))
)
def test_the_chains_own_answer_fails_a_signed_order(state: State, reason: FailureReason) -> None:
    order = order_in(state)

    assert evolve(order, a_failure(reason, order)).state == State.FAILED


@pytest.mark.parametrize(
    ("state", "reason"),
    list(product(sorted(IN_FLIGHT), sorted(set(FailureReason) - CHAIN_ANSWERS))),
)
def test_nothing_but_the_chains_answer_fails_a_signed_order(
    state: State, reason: FailureReason
) -> None:
    order = order_in(state)

    with pytest.raises(IllegalTransition):
        evolve(order, a_failure(reason, order))


@given(histories())
def test_an_end_is_final(events: list[OrderEvent]) -> None:
    states = [order.state for order in map(replay, prefixes(events)) if order]
    ends = [state for state in states if state in ENDS]

    assert len(set(ends)) <= 1
    assert states[len(states) - len(ends) :] == ends


@given(histories())
def test_a_new_transaction_is_signed_only_after_the_old_one_is_proven_dead(
    events: list[OrderEvent],
) -> None:
    told = [e for e in events if isinstance(e, TransactionSigned | TransactionExpired)]

    assert all(
        isinstance(event, TransactionSigned) == (place % 2 == 0) for place, event in enumerate(told)
    )


@given(histories())
def test_signed_bytes_are_kept_while_they_may_land_and_dropped_once_they_cannot(
    events: list[OrderEvent],
) -> None:
    for order in filter(None, map(replay, prefixes(events))):
        if order.state in IN_FLIGHT:
            assert order.transaction is not None
        elif not order.ended:
            assert order.transaction is None


@given(histories())
def test_a_cancel_request_and_a_contradiction_leave_the_status_alone(
    events: list[OrderEvent],
) -> None:
    orders = [order for order in map(replay, prefixes(events)) if order]
    for before, after, event in zip(orders, orders[1:], events[1:], strict=False):
        if isinstance(event, CancelRequested):
            assert (after.status, after.cancel_requested) == (before.status, True)
        if isinstance(event, OutcomeContradicted):
            assert (after.status, after.contradicted) == (before.status, True)


@pytest.mark.parametrize(
    ("lost", "unable"),
    [
        ([], set()),
        ([("", False), ("", False)], set()),  # The quote went stale: nobody's fault.
        ([("moved", False)], set()),
        ([("moved", False), ("moved", False)], {"raydium"}),
        ([("down", True)], {"raydium"}),
    ],
)
def test_an_order_passes_a_venue_that_lost_it_two_routes_or_could_not_build_one(
    lost: list[tuple[str, bool]], unable: set[str]
) -> None:
    order = order_in(State.ROUTED)
    for why, failed in lost:
        order = replace(order, state=State.ROUTED)
        event = RouteExpired(
            order_id=order.id,
            version=order.version + 1,
            at=NOON,
            venue="raydium",
            expired_at=NOON,
            why=why,
            failed=failed,
        )
        order = evolve(order, event)

    assert order.unable == unable


def test_every_state_has_a_status() -> None:
    assert STATUS.keys() == set(State)


def test_a_confirmed_order_tells_what_it_paid() -> None:
    order = replay(history(ending="confirmed"))

    assert order is not None
    assert order.receipt is not None
    assert order.price == order.receipt.amount_out / order.intent.amount_in


def prefixes(events: list[OrderEvent]) -> list[list[OrderEvent]]:
    return [events[: i + 1] for i in range(len(events))]
