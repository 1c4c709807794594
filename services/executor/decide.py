"""Judge routes and answers. Pure: everything it needs is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from shared.orders.contradictions import rolled_back
from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OrderRouted,
    OrderUnresolved,
    OutcomeContradicted,
    RouteExpired,
    TransactionExpired,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.order import Order
from shared.orders.states import State
from shared.orders.values import FailureReason, Receipt, Value
from shared.venues.protocol import (
    Answer,
    BuildFailed,
    Expired,
    Failed,
    Landed,
    Pending,
    RouteGone,
    Unknown,
    VenueRejected,
)


class InFlight(Value, frozen=True, kw_only=True):
    """What was signed for an order, and how often the order was routed."""

    venue: str
    signature: str
    attempt: int


def in_flight(event: TransactionSigned | TransactionSent) -> InFlight:
    """Return what an event says of the transaction it is about."""
    if isinstance(event, TransactionSigned):
        signature = event.transaction.signature
    else:
        signature = event.signature
    return InFlight(venue=event.venue, signature=signature, attempt=event.attempt)


def too_late_to_sign(routed: OrderRouted, now: datetime) -> RouteExpired | OrderExpired | None:
    """Return why the route must not be signed any more, or None if it may be."""
    if routed.intent.expires_at is not None and routed.intent.expires_at <= now:
        return OrderExpired(**routed.next(now))
    if routed.route.quote.expires_at <= now:
        return gone(routed, routed.route.quote.expires_at, now)
    return None


def gone(
    routed: OrderRouted, at: datetime, now: datetime, why: RouteGone | None = None
) -> RouteExpired:
    """Return that the route came to nothing `at` that time, and another is to be looked for.

    `why` is its venue's word, where it did not build it.
    """
    return RouteExpired(
        **routed.next(now),
        venue=routed.route.venue,
        expired_at=at,
        attempt=routed.attempt,
        why=str(why or ""),
        failed=isinstance(why, BuildFailed),
    )


def rejected(routed: OrderRouted, refusal: VenueRejected, now: datetime) -> OrderFailed:
    """Return the end of an order that its venue would not build."""
    return OrderFailed(
        **routed.next(now),
        reason=refusal.reason,
        detail=f"{routed.route.venue}: {refusal}",
        attempts=routed.attempt,
    )


def exhausted(routed: OrderRouted, why: str, now: datetime) -> OrderFailed:
    """Return the end of an order that could not be signed."""
    return OrderFailed(
        **routed.next(now),
        reason=FailureReason.RETRIES_EXHAUSTED,
        detail=why,
        attempts=routed.attempt,
    )


def judge(
    trigger: OrderEvent, swap: InFlight, answer: Answer, now: datetime
) -> OrderConfirmed | OrderFailed | TransactionExpired | None:
    """Return what the chain's answer means, or None while it has not decided."""
    head = trigger.next(now)
    match answer:
        case Landed(receipt, final):
            return OrderConfirmed(
                **head,
                venue=swap.venue,
                signature=swap.signature,
                receipt=receipt,
                price=receipt.price,
                final=final,
            )
        case Failed(reason, detail):
            return OrderFailed(**head, reason=reason, detail=detail, attempts=swap.attempt)
        case Expired(proof):
            return TransactionExpired(
                **head, signature=swap.signature, proof=proof, attempt=swap.attempt
            )
        case Pending() | Unknown():
            return None
        case _:
            assert_never(answer)


def judge_all(
    trigger: OrderEvent, found: Sequence[tuple[InFlight, Answer]], now: datetime
) -> OrderConfirmed | OrderFailed | TransactionExpired | None:
    """Return what a search for everything that was signed for an order means, oldest first.

    One that landed after it was thought dead is the order's swap. While any may land, none is
    expired, for another one would be signed, and none has failed.
    """
    *earlier, (swap, answer) = found
    for old, said in earlier:
        if isinstance(said, Landed):
            return judge(trigger, old, said, now)
    may_land = any(isinstance(said, Pending) for _, said in earlier)
    if may_land and isinstance(answer, Expired | Failed):
        return None
    return judge(trigger, swap, answer, now)


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


def signed_in(history: Sequence[OrderEvent]) -> list[TransactionSigned]:
    """Return every transaction that was signed for an order, oldest first."""
    return [event for event in history if isinstance(event, TransactionSigned)]


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


def next_look_ms(since_end: timedelta, for_ms: int) -> int | None:
    """Return when to look at an ended order again: each time twice as long after its end.

    None when it was looked at `for_ms` after its end, or later.
    """
    waited_ms = milliseconds(since_end)
    return waited_ms if waited_ms < for_ms else None


def milliseconds(time: timedelta) -> int:
    """Return whole milliseconds."""
    return int(time.total_seconds() * 1_000)


def unresolved(trigger: OrderEvent, swap: InFlight, why: str, now: datetime) -> OrderUnresolved:
    """Return that the chain has not answered, and that nobody knows."""
    head = trigger.next(now)
    return OrderUnresolved(**head, venue=swap.venue, signature=swap.signature, detail=why)


def next_question_ms(waiting: timedelta, first_ms: int, cap_ms: int) -> int:
    """Return when to ask the chain again: half as long as it was waited for so far, in bounds."""
    return int(min(cap_ms, max(first_ms, waiting.total_seconds() * 1_000 / 2)))
