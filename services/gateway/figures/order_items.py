"""Orders that need somebody, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from services.gateway.figures.items import Action, Item, Severity
from shared.archive.figures.troubles import MOST_COUNTED, Troubled, Troubles

_LONG: Final = timedelta(minutes=10)


def of_orders(found: Troubles, now: datetime) -> Iterator[Item]:
    """Yield what there is to say about orders, one by one, and then how many more there are."""
    for order in found.unresolved:
        yield Item(
            "unresolvedOrder",
            Severity.CRITICAL if now - order.since > _LONG else Severity.WARNING,
            f"The chain gives no answer about order {order.order_id}. It is asked again and again.",
            _show(order),
            order.since,
            order.order_id,
        )
    yield from _more("unresolvedOrder", Severity.WARNING, found.unresolved, "unresolved")
    for order in found.contradicted:
        yield Item(
            "contradiction",
            Severity.CRITICAL,
            f"Order {order.order_id} ended as {order.status}, and the chain says otherwise.",
            _show(order),
            order.since,
            order.order_id,
        )
    yield from _more("contradiction", Severity.CRITICAL, found.contradicted, "contradicted")
    for order in found.halted:
        command = f"slipstream dead show {order.order_id}"
        yield Item(
            "conflict",
            Severity.CRITICAL,
            f"Order {order.order_id} is halted: its history contradicts the archive.",
            Action("See the two events, and settle it", command),
            order.since,
            order.order_id,
        )
    yield from _more("conflict", Severity.CRITICAL, found.halted, "halted")


def _show(order: Troubled) -> Action:
    order_id = order.order_id
    return Action("Look at it", f"slipstream orders show {order_id}", f"/api/orders/{order_id}")


_ALL_OF: Final = {
    "unresolved": Action("List them", href="/api/orders?unresolved=true"),
    "contradicted": Action("List them", href="/api/orders?contradicted=true"),
    "halted": Action("List them", "slipstream dead list"),
}


def _more(kind: str, severity: Severity, shown: Sequence[Troubled], how: str) -> Iterator[Item]:
    together = shown[0].together if shown else 0
    if (more := together - len(shown)) > 0:
        number = f"More than {MOST_COUNTED:,}" if together > MOST_COUNTED else f"{more:,}"
        orders = "more order is" if number == "1" else "more orders are"
        yield Item(kind, severity, f"{number} {orders} {how}.", _ALL_OF[how])
