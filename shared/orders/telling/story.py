"""The fold of a history, with what telling it needs beyond the order itself."""

from __future__ import annotations

from typing import Literal

from shared.orders.events import OrderEvent, OrderRouted, OutcomeContradicted
from shared.orders.order import Order, evolve


class Story:
    """An order event after event: how it stands, how it was routed last, and what came last."""

    def __init__(self) -> None:
        self.order: Order | None = None
        self.last: OrderEvent | None = None
        self.routed: OrderRouted | None = None
        self.unable: frozenset[str] = frozenset()  # Venues that came last when it was routed.
        self.contradiction: Literal["landed", "rolledBack", "landedAnew"] | None = None

    def add(self, event: OrderEvent) -> Order:
        """Return the order once the next event is folded. Raises what `evolve` does."""
        before, self.order = self.order, evolve(self.order, event)
        if before is not None and self.order is before:
            return before  # It was known.
        self.last = event
        if isinstance(event, OrderRouted):
            self.routed, self.unable = event, self.order.unable
        elif isinstance(event, OutcomeContradicted):
            self.contradiction = event.kind
        return self.order
