"""Which group acts on which event: the other half of the transition table."""

from __future__ import annotations

from shared.orders.events import (
    CancelRequested,
    OrderEvent,
    OrderRouted,
    OrderSubmitted,
    OrderUnresolved,
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
ARCHIVES = "projector"


def next_group(last: OrderEvent) -> str:
    """Return which group must act next on an order whose last event this is.

    Once an order has ended, that is the one which archives it.
    """
    return CONTINUES.get(type(last), ARCHIVES)
