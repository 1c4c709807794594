"""Every history that the transition table allows, for tests that hold for any of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from shared.orders.events import (
    CancelRequested,
    Head,
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
from shared.orders.order import TRANSITIONS, Order, evolve
from shared.orders.states import State
from shared.orders.values import CHAIN_ANSWERS, FailureReason, Receipt, Refusal
from tests.support.builders import NOON, a_quote, a_route, a_transaction, an_intent

ORDER_ID = "019b796d-d600-7c00-9e4f-1a2b3c4d5e00"
SIGNATURE = "5sig"
RECEIPT = Receipt(amount_in=Decimal("1.5"), amount_out=Decimal("224.5"))
REFUSAL = Refusal(venue="orca", reason="no such pair")

_MAKE: dict[type[OrderEvent], Callable[[Head, State], OrderEvent]] = {
    OrderSubmitted: lambda head, _: OrderSubmitted(**head, intent=an_intent(), account="public"),
    RoutingStarted: lambda head, _: RoutingStarted(**head, intent=an_intent()),
    OrderRouted: lambda head, _: OrderRouted(
        **head,
        intent=an_intent(),
        route=a_route(),
        quotes=(a_quote(), a_quote("meteora", "224")),
        refusals=(REFUSAL,),
        attempt=1,
    ),
    RouteExpired: lambda head, _: RouteExpired(**head, venue="raydium", expired_at=NOON),
    TransactionSigned: lambda head, _: TransactionSigned(
        **head, venue="raydium", transaction=a_transaction(SIGNATURE), attempt=1
    ),
    TransactionSent: lambda head, _: TransactionSent(
        **head, venue="raydium", signature=SIGNATURE, attempt=1
    ),
    OrderUnresolved: lambda head, _: OrderUnresolved(
        **head, venue="raydium", signature=SIGNATURE, detail="no answer"
    ),
    TransactionExpired: lambda head, _: TransactionExpired(
        **head, signature=SIGNATURE, proof="past its height"
    ),
    CancelRequested: lambda head, state: CancelRequested(**head, state=state),
    OrderConfirmed: lambda head, _: OrderConfirmed(
        **head, venue="raydium", signature=SIGNATURE, receipt=RECEIPT, price=RECEIPT.price
    ),
    # The one reason that may end an order at any moment.
    OrderFailed: lambda head, _: OrderFailed(
        **head, reason=min(CHAIN_ANSWERS), detail="the program aborted", attempts=1
    ),
    OrderCancelled: lambda head, _: OrderCancelled(**head),
    OrderExpired: lambda head, _: OrderExpired(**head),
    OutcomeContradicted: lambda head, state: OutcomeContradicted(
        **head,
        state=state,
        signature=SIGNATURE,
        detail="it is on the chain",
        # Each with amounts of its own: the last ones are right, whichever is stored first.
        receipt=Receipt(amount_in=Decimal("1.5"), amount_out=Decimal(200 + head["version"]))
        if state is State.CONFIRMED
        else None,
    ),
}

EVERY_KIND = list(_MAKE)


def an_event(kind: type[OrderEvent], order: Order | None = None) -> OrderEvent:
    """Return an event of this kind that comes next in the order's history."""
    version = order.version + 1 if order else 1
    head: Head = {
        "order_id": ORDER_ID,
        "version": version,
        "at": NOON + timedelta(milliseconds=version),
    }
    return _MAKE[kind](head, order.state if order else State.PENDING)


def a_failure(reason: FailureReason, order: Order) -> OrderFailed:
    """Return that the order failed for this reason."""
    head: Head = {"order_id": order.id, "version": order.version + 1, "at": NOON}
    return OrderFailed(**head, reason=reason, detail="so it went", attempts=1)


def path_to(state: State) -> list[OrderEvent]:
    """Return a shortest history that leads to the state."""
    paths: dict[State, list[OrderEvent]] = {}
    orders: dict[State | None, Order | None] = {None: None}
    queue: list[State | None] = [None]
    for was in queue:
        for (start, kind), end in TRANSITIONS.items():
            if start != was or end in orders:
                continue
            event = an_event(kind, orders[was])
            orders[end] = evolve(orders[was], event)
            paths[end] = [*(paths[was] if was else []), event]
            queue.append(end)
    return paths[state]


@st.composite
def histories(draw: st.DrawFn, *, longest: int = 20) -> list[OrderEvent]:
    """Return any history that the table allows, ended or not."""
    order: Order | None = None
    events: list[OrderEvent] = []
    for _ in range(draw(st.integers(1, longest))):
        was = order.state if order else None
        kinds = [kind for start, kind in TRANSITIONS if start == was]
        event = an_event(draw(st.sampled_from(kinds)), order)
        order = evolve(order, event)
        events.append(event)
    return events
