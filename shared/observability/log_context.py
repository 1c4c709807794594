"""The order, event and trace that a task works on, so that each line it logs can name them.

Noted once a step or request, and looked at only when something is logged. Tasks that serve many
orders start with an empty context, so that nothing they log is put down to one of them.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol, TypeAlias

from shared.observability.tracing import trace_id_of
from shared.orders.events import Event, OrderEvent


class Identified(Protocol):
    """Anything that knows which order, event and trace it is about."""

    def log_ids(self) -> dict[str, str]:
        """Return what `line_ids` returns of it."""
        ...


# An order's id stands for the whole order.
Subject: TypeAlias = str | OrderEvent | Identified

subject: ContextVar[Subject | None] = ContextVar("subject", default=None)


def about(what: Subject) -> dict[str, Subject]:
    """Return the `extra` of a line that is about something else than its task."""
    return {"subject": what}


def ids_of(what: Subject | None) -> dict[str, str]:
    """Return the ids of an order, an event and a trace, as far as they are known."""
    match what:
        case None:
            return {}
        case str():
            return {"order_id": what}
        case Event():
            return line_ids(what.order_id, what.version, trace_id_of(what.traceparent))
        case _:
            return what.log_ids()


def line_ids(order_id: str, version: int, trace_id: str) -> dict[str, str]:
    """Return the ids of a line; those that are empty or 0 are left out."""
    ids = {
        "order_id": order_id,
        "event_id": f"{order_id}:{version}" if order_id and version else "",
        "trace_id": trace_id,
    }
    return {name: value for name, value in ids.items() if value}
