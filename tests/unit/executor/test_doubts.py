"""A look at the chain after an order has ended: what is doubted, and what is told of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from services.executor.decide import InFlight, in_flight
from services.executor.doubts import contradictions, in_doubt, landed_anew, next_look_ms
from shared.orders.events import (
    OrderConfirmed,
    OrderExpired,
    OutcomeContradicted,
    TransactionSigned,
)
from shared.orders.order import replay
from shared.orders.states import State
from shared.orders.values import Receipt
from shared.venues.protocol import (
    Answer,
    Expired,
    Landed,
    Unknown,
)
from tests.support.builders import NOON, submitted
from tests.support.walks import path_to

SWAP = InFlight(venue="raydium", signature="5sig", attempt=2)
EARLIER = InFlight(venue="meteora", signature="4sig", attempt=1)
RECEIPT = Receipt(amount_in=Decimal(1), amount_out=Decimal(2))
LATER = NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("since_end_ms", "wait_ms"),
    [(30, 30), (60, 60), (119, 119), (120, None), (500, None)],
)
def test_an_ended_order_is_looked_at_ever_less_often_and_then_no_more(
    since_end_ms: int, wait_ms: int | None
) -> None:
    assert next_look_ms(timedelta(milliseconds=since_end_ms), 120) == wait_ms


def test_nothing_is_in_doubt_of_an_order_whose_only_transaction_landed_or_that_has_none() -> None:
    assert in_doubt(path_to(State.CONFIRMED)) == []
    assert in_doubt(path_to(State.CANCELLED)) == []


def test_what_was_signed_is_in_doubt_until_it_is_known_to_have_landed() -> None:
    [*_, signed] = path_to(State.SIGNED)
    assert isinstance(signed, TransactionSigned)
    known = OutcomeContradicted(
        **signed.next(LATER), state=State.FAILED, signature="5sig", detail="it landed"
    )

    assert in_doubt([signed]) == [signed]
    assert in_doubt([signed, known]) == []


def test_a_confirmed_swap_that_is_final_with_other_amounts_is_told_with_those() -> None:
    [*_, confirmed] = path_to(State.CONFIRMED)
    order = replay(path_to(State.CONFIRMED))
    assert order
    assert order.receipt
    other = replace(order.receipt, amount_out=order.receipt.amount_out - 1)

    assert landed_anew(confirmed, order, [(SWAP, Landed(order.receipt))], LATER) == []
    assert landed_anew(confirmed, order, [(SWAP, Landed(other, final=False))], LATER) == []
    assert landed_anew(confirmed, order, [(SWAP, Unknown())], LATER) == []
    [told] = landed_anew(confirmed, order, [(SWAP, Landed(other))], LATER)
    assert (told.kind, told.receipt, told.state) == ("landedAnew", other, State.CONFIRMED)
    assert str(other.amount_out) in told.detail


def test_a_swap_that_was_rolled_back_is_in_doubt_until_it_lands_anew_and_that_is_final() -> None:
    *before, confirmed = path_to(State.CONFIRMED)
    assert isinstance(confirmed, OrderConfirmed)
    gone = OutcomeContradicted(
        **confirmed.next(LATER),
        state=State.CONFIRMED,
        signature=confirmed.signature,
        detail="a fork took it",
        kind="rolledBack",
    )
    history = [*before, confirmed, gone]
    order = replay(history)
    assert order
    [doubted] = in_doubt(history)
    swap = in_flight(doubted)

    assert contradictions(gone, order, [(swap, Landed(RECEIPT, final=False))], LATER) == []
    [anew] = contradictions(gone, order, [(swap, Landed(RECEIPT))], LATER)
    assert (anew.kind, anew.receipt, anew.state) == ("landedAnew", RECEIPT, State.CONFIRMED)
    assert in_doubt([*history, anew]) == []


def test_each_swap_that_landed_against_the_end_is_recorded_and_nothing_else() -> None:
    trigger = submitted()
    found: list[tuple[InFlight, Answer]] = [
        (EARLIER, Landed(RECEIPT)),
        (SWAP, Expired("dead")),
        (SWAP, Landed(RECEIPT)),
        (SWAP, Unknown()),
    ]

    order = replay([trigger, OrderExpired(**trigger.next(LATER))])
    assert order

    records = contradictions(trigger, order, found, LATER)

    assert [(record.version, record.signature) for record in records] == [(2, "4sig"), (3, "5sig")]
    assert {record.state for record in records} == {State.EXPIRED}
    assert records[0].detail == "meteora swapped 1 for 2"
