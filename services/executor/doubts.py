"""Judge what a look at the chain after an order's end has found. Pure, as `decide.py` is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.executor.decide import InFlight, milliseconds, signed_in
from shared.orders.contradictions import rolled_back
from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OutcomeContradicted,
    TransactionSigned,
)
from shared.orders.order import Order
from shared.orders.states import State
from shared.orders.values import Receipt
from shared.venues.protocol import Answer, Expired, Failed, Landed


def in_doubt(history: Sequence[OrderEvent]) -> list[TransactionSigned]:
    """Return what was signed for an order that has ended and is not known to have landed.

    A proof that a fork took it back may be wrong: until it lands anew, it is in doubt again.
    """
    gone = rolled_back(history)
    landed = {
        event.signature
        for event in history
        if isinstance(event, OrderConfirmed | OutcomeContradicted)
    }
    return [one for one in signed_in(history) if one.transaction.signature not in landed - gone]


def not_final(history: Sequence[OrderEvent]) -> list[TransactionSigned]:
    """Return the transaction that confirmed an order, if a fork may still take it back."""
    told = {event.signature for event in history if isinstance(event, OutcomeContradicted)}
    ours = {
        event.signature
        for event in history
        if isinstance(event, OrderConfirmed) and not event.final
    }
    return [one for one in signed_in(history) if one.transaction.signature in ours - told]


def may_be_taken_back(answer: Answer) -> bool:
    """Return whether a transaction that was confirmed is neither final nor proven to be gone."""
    return not (
        answer.final if isinstance(answer, Landed) else isinstance(answer, Failed | Expired)
    )


def contradictions(
    trigger: OrderEvent, order: Order, found: Sequence[tuple[InFlight, Answer]], now: datetime
) -> list[OutcomeContradicted]:
    """Return a record of each swap that landed although its order ended without it.

    A swap that was told to be rolled back has landed anew once that is final.
    """
    records: list[OutcomeContradicted] = []
    for swap, answer in found:
        anew = order.state is State.CONFIRMED and swap.signature == order.signature
        if isinstance(answer, Landed) and (answer.final or not anew):
            records.append(
                OutcomeContradicted(
                    **(records[-1] if records else trigger).next(now),
                    state=order.state,
                    signature=swap.signature,
                    detail=f"{swap.venue} swapped {_swapped(answer.receipt)}",
                    kind="landedAnew" if anew else "landed",
                    receipt=answer.receipt if anew else None,
                )
            )
    return records


def taken_back(
    trigger: OrderEvent, ended: State, found: Sequence[tuple[InFlight, Answer]], now: datetime
) -> list[OutcomeContradicted]:
    """Return a record of each confirmed swap that is proven to be undone."""
    return [
        OutcomeContradicted(
            **trigger.next(now),
            state=ended,
            signature=swap.signature,
            detail=f"a fork of the chain took it back: {_why(answer)}",
            kind="rolledBack",
        )
        for swap, answer in found
        if isinstance(answer, Failed | Expired)
    ]


def landed_anew(
    trigger: OrderEvent, order: Order, found: Sequence[tuple[InFlight, Answer]], now: datetime
) -> list[OutcomeContradicted]:
    """Return a record of the confirmed swap, if it is final with other amounts than were told.

    A fork took it back then, and the same bytes have landed at another price.
    """
    return [
        OutcomeContradicted(
            **trigger.next(now),
            state=order.state,
            signature=swap.signature,
            detail=f"it was {_swapped(order.receipt)}, and became {_swapped(answer.receipt)}",
            kind="landedAnew",
            receipt=answer.receipt,
        )
        for swap, answer in found
        if isinstance(answer, Landed)
        and answer.final
        and order.receipt is not None
        and answer.receipt != order.receipt
    ]


def _swapped(receipt: Receipt) -> str:
    return f"{receipt.amount_in} for {receipt.amount_out}"


def _why(answer: Failed | Expired) -> str:
    return answer.proof if isinstance(answer, Expired) else answer.detail


def next_look_ms(since_end: timedelta, for_ms: int) -> int | None:
    """Return when to look at an ended order again: each time twice as long after its end.

    None when it was looked at `for_ms` after its end, or later.
    """
    waited_ms = milliseconds(since_end)
    return waited_ms if waited_ms < for_ms else None
