"""What the chain has said against an order's end, as a whole history tells it."""

from __future__ import annotations

from collections.abc import Iterable

from shared.orders.events import OrderEvent, OutcomeContradicted


def rolled_back(history: Iterable[OrderEvent]) -> set[str]:
    """Return the signatures of confirmed swaps that a fork took back, and that did not return."""
    gone = set[str]()
    for event in history:
        if isinstance(event, OutcomeContradicted):
            (gone.add if event.kind == "rolledBack" else gone.discard)(event.signature)
    return gone
