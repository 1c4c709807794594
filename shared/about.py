"""What a task is working on, so that each line it logs can say so.

Noted once a step or request, and looked at only when something is logged. Tasks that serve many
orders start with an empty context, so that nothing they log is put down to one of them.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TypeAlias

from msgspec import Struct

from shared.orders.events import Event, OrderEvent
from shared.streams.delivery import Delivery
from shared.tracing import glimpse, trace_id_of


class Step(Struct):
    """What is done about a delivery: which event is acted on now, and for which time.

    Noted once; it is the step that changes, for each change of a context costs more than the rest.
    """

    delivery: Delivery
    event: OrderEvent | None = None  # None until it has been read.
    attempt: int = 0


# An order's id stands for the whole order.
Subject: TypeAlias = str | OrderEvent | Delivery | Step

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
        case Step():
            return ids_of(what.event or what.delivery)
        case Delivery():
            seen = glimpse(what.raw)
            return _ids(what.order_id, seen.version, trace_id_of(seen.traceparent))
        case Event():
            return _ids(what.order_id, what.version, trace_id_of(what.traceparent))


def _ids(order_id: str, version: int, trace_id: str) -> dict[str, str]:
    ids = {
        "order_id": order_id,
        "event_id": f"{order_id}:{version}" if order_id and version else "",
        "trace_id": trace_id,
    }
    return {name: value for name, value in ids.items() if value}
