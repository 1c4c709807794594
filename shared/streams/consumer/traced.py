"""Tell the collector what the services do with an order's events, if there is one.

Put around what does it, so that it costs nothing where nobody is told.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from shared.observability.log_context import subject
from shared.observability.order_metrics import venue_of
from shared.observability.tracing import (
    Collector,
    Done,
    attributes_of,
    collector,
    glimpse,
    trace_id_of,
)
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
from shared.streams.consumer.batches import Handle
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.handler import Handler, Next, Park
from shared.streams.consumer.step import Step
from shared.streams.redis.scripts import Command

# What is done about an event; about any other, it is looked back at an end.
_NAMES: dict[type[OrderEvent], str] = {
    OrderSubmitted: "order.begin",
    RoutingStarted: "order.quote",
    RouteExpired: "order.quote",
    TransactionExpired: "order.quote",
    OrderRouted: "order.sign",
    TransactionSigned: "order.send",
    TransactionSent: "order.confirm",
    OrderUnresolved: "order.resolve",
    CancelRequested: "order.resolve",
}
_LOOK_BACK, _GIVE_UP = "order.look_back", "order.give_up"


class GivenUp(Exception):
    """A step was given up."""


def traced(handler: Handler, group: str) -> Handler:
    """Return a handler that also tells the collector of each step, if there is one."""
    told = collector()
    return _TracedSteps(handler, group, told) if told else handler


def traced_batches(handle: Handle, group: str, name: str) -> Handle:
    """Return what also tells the collector of each event that it has handled, if there is one.

    Of a batch that failed it tells only once the culprit stands alone: the others come again.
    """
    told = collector()
    if told is None:
        return handle

    async def handle_and_tell(batch: Sequence[Delivery]) -> Sequence[Command] | None:
        began_ns = time.time_ns()
        try:
            last = await handle(batch)
        except Exception as error:
            if len(batch) == 1:
                _tell_of_batch(told, (group, name), batch, began_ns, error)
            raise
        _tell_of_batch(told, (group, name), batch, began_ns)
        return last

    return handle_and_tell


def _tell_of_batch(
    told: Collector,
    names: tuple[str, str],
    batch: Sequence[Delivery],
    began_ns: int,
    error: Exception | None = None,
) -> None:
    (group, name), ended_ns = names, time.time_ns()
    for delivery, event in [(one, event) for one in batch for event in one.written()]:
        seen = glimpse(event.raw)
        if not isinstance(seen.traceparent, str) or not trace_id_of(seen.traceparent):
            continue
        attributes = {
            "slipstream.order.id": delivery.order_id,
            "slipstream.event.type": event.type,
            "slipstream.event.version": seen.version,
            "slipstream.attempt": delivery.attempt,
            "messaging.batch.message_count": len(batch),
            **_messaging(group, delivery),
        }
        done = Done(
            name=name,
            traceparent=seen.traceparent,
            began_ns=began_ns,
            ended_ns=ended_ns,
            attributes=attributes,
            error=error,
        )
        told.record(done)


def _messaging(group: str, delivery: Delivery) -> dict[str, str | int]:
    """Return OpenTelemetry's words for where an event came from."""
    said: dict[str, str | int] = {
        "messaging.system": "redis",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.consumer.group.name": group,
        "messaging.destination.partition.id": f"{delivery.partition:02}",
    }
    if delivery.entry_id:
        said["messaging.message.id"] = delivery.entry_id
    return said


class _TracedSteps:
    """A handler that tells of what another one does."""

    def __init__(self, handler: Handler, group: str, told: Collector) -> None:
        self.handles: Collection[type[OrderEvent]] = handler.handles
        self.handles_when_due: Collection[type[OrderEvent]] = handler.handles_when_due
        self.waits_on: Collection[type[OrderEvent]] = handler.waits_on
        self.announces: Collection[type[OrderEvent]] = handler.announces
        self._handler = handler
        self._group = group
        self._told = told

    async def handle(self, event: OrderEvent) -> Next:
        """Return what the other one does."""
        name, began_ns = _NAMES.get(type(event), _LOOK_BACK), time.time_ns()
        try:
            following = await self._handler.handle(event)
        except Exception as error:
            self._tell(name, event, began_ns, error=error)
            raise
        self._tell(name, event, began_ns, following)
        return following

    def give_up(self, event: OrderEvent, why: str) -> Next:
        """Return what the other one does."""
        following = self._handler.give_up(event, why)
        self._tell(_GIVE_UP, event, time.time_ns(), following, GivenUp(why))
        return following

    def _tell(
        self,
        name: str,
        event: OrderEvent,
        began_ns: int,
        following: Next = (),
        error: Exception | None = None,
    ) -> None:
        if not isinstance(event.traceparent, str) or not trace_id_of(event.traceparent):
            return
        attributes = attributes_of(event)
        step = subject.get()
        if isinstance(step, Step):
            attributes |= {
                "slipstream.attempt": step.attempt,
                **_messaging(self._group, step.delivery),
            }
        events = following.events if isinstance(following, Park) else following
        if venue := next(filter(None, map(venue_of, (*events, event))), ""):
            attributes["slipstream.venue"] = venue
        done = Done(
            name=name,
            traceparent=event.traceparent,
            began_ns=began_ns,
            ended_ns=time.time_ns(),
            attributes=attributes,
            error=error,
        )
        self._told.record(done)
