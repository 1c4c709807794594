"""The step that a worker is at, for the lines it logs and the spans around it."""

from __future__ import annotations

from msgspec import Struct

from shared.observability.log_context import ids_of
from shared.orders.events import OrderEvent
from shared.streams.consumer.deliveries import Delivery


class Step(Struct):
    """What is done about a delivery: which event is acted on now, and for which time.

    Noted once; it is the step that changes, for each change of a context costs more than the rest.
    """

    delivery: Delivery
    event: OrderEvent | None = None  # None until it has been read.
    attempt: int = 0

    def log_ids(self) -> dict[str, str]:
        """Return the ids of the event, or of the delivery as long as that has not been read."""
        return ids_of(self.event or self.delivery)
