"""What a wish to cancel does to an order, wherever it stands."""

from __future__ import annotations

import pytest

from services.gateway.http.problems import Code, Problem
from services.gateway.orders.cancel import check_cancelled, withdraw
from shared.orders.events import TransactionExpired
from shared.orders.order import Order, evolve, replay
from shared.orders.states import ENDS, IN_FLIGHT, State
from tests.support.builders import SOON
from tests.support.walks import an_event, path_to

UNSIGNED = frozenset(State) - IN_FLIGHT - ENDS


def standing(state: State) -> Order:
    order = replay(path_to(state))
    assert order is not None
    return order


def cancelled(order: Order) -> Order:
    event = withdraw(order, SOON)
    return evolve(order, event) if event else order


@pytest.mark.parametrize("state", sorted(UNSIGNED))
def test_what_is_not_signed_is_cancelled(state: State) -> None:
    order = cancelled(standing(state))
    check_cancelled(order)

    assert order.state is State.CANCELLED


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_what_is_signed_stays_as_it_is_and_keeps_the_wish(state: State) -> None:
    order = cancelled(standing(state))
    with pytest.raises(Problem) as caught:
        check_cancelled(order)

    assert (order.state, order.cancel_requested) == (state, True)
    assert caught.value.code is Code.TOO_LATE_TO_CANCEL


@pytest.mark.parametrize("state", sorted(IN_FLIGHT | ENDS))
def test_a_wish_is_recorded_once_and_never_after_the_end(state: State) -> None:
    order = cancelled(standing(state))

    assert withdraw(order, SOON) is None


@pytest.mark.parametrize("state", sorted(ENDS - {State.CANCELLED}))
def test_what_has_ended_otherwise_is_not_cancelled(state: State) -> None:
    with pytest.raises(Problem) as caught:
        check_cancelled(standing(state))

    assert caught.value.code is Code.ORDER_ENDED


def test_an_order_whose_transaction_can_never_land_is_cancelled_after_all() -> None:
    requested = cancelled(standing(State.SENT))
    expired = evolve(requested, an_event(TransactionExpired, requested))

    assert cancelled(expired).state is State.CANCELLED
