"""Publish a batch of events to the channels of their orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared import metrics
from shared.orders.codec import MalformedEvent
from shared.orders.view import public_json
from shared.streams.delivery import Delivery
from shared.streams.log import Log


@dataclass(frozen=True, slots=True)
class Notifier:
    """Publishes what clients may see."""

    log: Log

    async def handle(self, batch: Sequence[Delivery]) -> None:
        """Publish every event of the batch, in one round trip.

        Raises `MalformedEvent` for an entry that is no event.
        """
        await self.log.publish([_message(delivery) for delivery in batch])
        metrics.PUBLISHED.inc(len(batch))


def _message(delivery: Delivery) -> tuple[str, bytes]:
    if not delivery.order_id or not delivery.raw.startswith(b"{"):
        raise MalformedEvent("not an event: it has no order or no JSON object")
    return delivery.order_id, public_json(delivery.type, delivery.raw)
