"""What a client may do about an order now, and what that does: the buttons of a page."""

from __future__ import annotations

from typing import NamedTuple

from shared.orders.order import Order
from shared.orders.states import IN_FLIGHT


class Action(NamedTuple):
    """A request that changes something, and what it does."""

    name: str
    method: str
    href: str
    effect: str


def actions_of(order: Order) -> list[Action]:
    """Return the requests that would change the order as it stands."""
    if order.ended or (order.cancel_requested and order.state in IN_FLIGHT):
        return []
    effect = (
        "Signed already, it may still land; if it cannot, no further try follows."
        if order.state in IN_FLIGHT
        else "Ends the order: nothing is signed."
    )
    return [Action("cancel", "DELETE", f"/api/orders/{order.id}", effect)]
