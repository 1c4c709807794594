"""Judge routes and answers. Pure: everything it needs is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OrderRouted,
    OrderUnresolved,
    RouteExpired,
    TransactionExpired,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.values import FailureReason, Value
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


def signed_in(history: Sequence[OrderEvent]) -> list[TransactionSigned]:
    """Return every transaction that was signed for an order, oldest first."""
    return [event for event in history if isinstance(event, TransactionSigned)]


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
