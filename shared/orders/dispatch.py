"""Which group acts on which event: the other half of the transition table."""

from __future__ import annotations

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

# An event that is not here ends its order, or was only recorded.
CONTINUES: dict[type[OrderEvent], str] = {
    OrderSubmitted: "router",
    RoutingStarted: "router",
    OrderRouted: "executor",
    RouteExpired: "router",
    TransactionSigned: "executor",
    TransactionSent: "executor",
    OrderUnresolved: "executor",
    TransactionExpired: "router",
    CancelRequested: "executor",
}
# By type, not by status: what contradicts an end carries the status of that end.
ENDS = (OrderConfirmed, OrderFailed, OrderCancelled, OrderExpired)
# Ends that may turn out otherwise: what was signed for such an order is looked for once more.
LOOKED_BACK_AT = (OrderFailed, OrderCancelled, OrderExpired, OutcomeContradicted)
_WORK: dict[type[OrderEvent], str] = CONTINUES | dict.fromkeys(LOOKED_BACK_AT, "executor")

WORKERS = ("router", "executor")
READERS = ("notifier", "projector")
GROUPS = (*WORKERS, *READERS)
ARCHIVES = "projector"


def work_of(group: str) -> tuple[type[OrderEvent], ...]:
    """Return the events by which a group is given work: those that it acts on."""
    return tuple(kind for kind, worker in _WORK.items() if worker == group)


def worker_for(last: OrderEvent) -> str:
    """Return which group is given work by an event, or ``""`` when none is."""
    return _WORK.get(type(last), "")


def next_group(last: OrderEvent) -> str:
    """Return which group must act next on an order whose last event this is.

    Once an order has ended, that is the one which archives it.
    """
    return CONTINUES.get(type(last), ARCHIVES)
