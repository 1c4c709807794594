"""An order is the fold of its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from msgspec import UNSET, UnsetType

from shared.orders.events import (
    CancelRequested,
    OrderCancelled,
    OrderConfirmed,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OrderRouted,
    OrderSubmitted,
    OrderUnresolved,
    OutcomeContradicted,
    RouteExpired,
    RoutingStarted,
    TransactionExpired,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.states import ENDS, IN_FLIGHT, STATUS, State, Status
from shared.orders.values import (
    CHAIN_ANSWERS,
    FailureReason,
    Quote,
    Receipt,
    Route,
    SignedTransaction,
    SwapIntent,
)

MOST_LOST = 2  # Routes of one order that a venue may lose.

_UNSIGNED = frozenset({State.PENDING, State.ROUTING, State.ROUTED})

# The whole lifecycle: which events may follow a state, and where they lead. What is not listed
# cannot happen.
TRANSITIONS: dict[tuple[State | None, type[OrderEvent]], State] = {
    (None, OrderSubmitted): State.PENDING,
    (State.PENDING, RoutingStarted): State.ROUTING,
    (State.ROUTING, OrderRouted): State.ROUTED,
    (State.ROUTED, RouteExpired): State.ROUTING,
    (State.ROUTED, TransactionSigned): State.SIGNED,
    (State.SIGNED, TransactionSent): State.SENT,
    **{(state, OrderFailed): State.FAILED for state in sorted(_UNSIGNED | IN_FLIGHT)},
    **{(state, OrderCancelled): State.CANCELLED for state in sorted(_UNSIGNED)},
    **{(state, OrderExpired): State.EXPIRED for state in sorted(_UNSIGNED)},
    # A send that was refused because the bytes had landed confirms without TransactionSent.
    **{(state, OrderConfirmed): State.CONFIRMED for state in sorted(IN_FLIGHT)},
    **{
        (state, OrderUnresolved): State.UNRESOLVED
        for state in sorted(IN_FLIGHT - {State.UNRESOLVED})
    },
    **{(state, TransactionExpired): State.ROUTING for state in sorted(IN_FLIGHT)},
    **{(state, CancelRequested): state for state in sorted(IN_FLIGHT)},
    **{(state, OutcomeContradicted): state for state in sorted(ENDS)},
}


class IllegalTransition(Exception):
    """The event cannot follow the order's present state."""


class MissingEvent(Exception):
    """An earlier event of this order has not been seen yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as it stands after `version` events."""

    id: str
    version: int
    state: State
    account: str
    intent: SwapIntent
    submitted_at: datetime
    updated_at: datetime
    client_order_id: str | None = None
    traceparent: str | UnsetType = UNSET
    attempts: int = 0  # How many routes were chosen so far.
    quotes: tuple[Quote, ...] = ()
    route: Route | None = None
    transaction: SignedTransaction | None = None  # The one that may still land, if any.
    signature: str | None = None
    receipt: Receipt | None = None
    price: Decimal | None = None
    failure: FailureReason | None = None
    detail: str = ""
    lost: tuple[str, ...] = ()  # Venues that did not build what they had quoted, oldest first.
    cancel_requested: bool = False
    contradicted: bool = False

    @property
    def status(self) -> Status:
        """Return what a client is told."""
        return STATUS[self.state]

    @property
    def unable(self) -> frozenset[str]:
        """Return the venues to which this order goes only where no other one quotes."""
        return frozenset(venue for venue in self.lost if self.lost.count(venue) >= MOST_LOST)

    @property
    def ended(self) -> bool:
        """Return whether nothing more will be done for this order."""
        return self.state in ENDS


def evolve(order: Order | None, event: OrderEvent) -> Order:
    """Return the order as it stands after `event`. A repeated event changes nothing.

    Raises `MissingEvent` on a gap and `IllegalTransition` on what the table does not allow.
    """
    seen = order.version if order else 0
    if order and event.version <= seen:
        return order
    if event.version > seen + 1:
        raise MissingEvent(f"{event.order_id}: expected version {seen + 1}, got {event.version}")
    was = order.state if order else None
    state = TRANSITIONS.get((was, type(event)))
    if state is None or _is_a_guess(was, event):
        raise IllegalTransition(f"{type(event).__name__} after {was or 'nothing'}")
    if isinstance(event, OrderSubmitted):
        return Order(
            id=event.order_id,
            version=event.version,
            state=state,
            account=event.account,
            client_order_id=event.client_order_id,
            traceparent=event.traceparent,
            intent=event.intent,
            submitted_at=event.at,
            updated_at=event.at,
        )
    if order is None:  # Never, by TRANSITIONS: only OrderSubmitted starts an order.
        raise IllegalTransition(f"{type(event).__name__} starts no order")
    return _apply(replace(order, version=event.version, state=state, updated_at=event.at), event)


def _is_a_guess(was: State | None, event: OrderEvent) -> bool:
    # A timeout, a refused send or a crash says nothing about what was signed.
    return isinstance(event, OrderFailed) and was in IN_FLIGHT and event.reason not in CHAIN_ANSWERS


def _apply(order: Order, event: OrderEvent) -> Order:  # noqa: C901, PLR0911 - one a kind of event
    match event:
        case OrderRouted():
            return replace(
                order, attempts=event.attempt, route=event.route, quotes=event.quotes, detail=""
            )
        case RouteExpired():
            return _lost(order, event) if event.why else order
        case TransactionSigned():
            return replace(
                order, transaction=event.transaction, signature=event.transaction.signature
            )
        case TransactionExpired():
            return replace(order, transaction=None)
        case OrderUnresolved():
            return replace(order, detail=event.detail)
        case CancelRequested():
            return replace(order, cancel_requested=True)
        case OrderConfirmed():
            return replace(
                order,
                signature=event.signature,
                receipt=event.receipt,
                price=event.price,
                detail="",
            )
        case OrderFailed():
            return replace(order, failure=event.reason, detail=event.detail)
        case OutcomeContradicted():
            order = replace(order, contradicted=True, detail=event.detail)
            if event.receipt is None:
                return order
            return replace(order, receipt=event.receipt, price=event.receipt.price)
        case (
            OrderSubmitted()
            | RoutingStarted()
            | TransactionSent()
            | OrderCancelled()
            | OrderExpired()
        ):
            return order
        case _:
            assert_never(event)


def _lost(order: Order, event: RouteExpired) -> Order:
    # A price that has moved may come back once; what a venue cannot build it cannot build.
    times = MOST_LOST if event.failed else 1
    return replace(order, lost=order.lost + times * (event.venue,))


def replay(events: Iterable[OrderEvent]) -> Order | None:
    """Return the fold of a history, oldest event first, or None for an empty one."""
    order = None
    for event in events:
        order = evolve(order, event)
    return order
