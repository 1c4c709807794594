"""Publish a batch of events to the channels of their orders, where somebody listens."""

from __future__ import annotations

from collections.abc import Sequence

from shared.observability import metrics
from shared.orders.codec import MalformedEvent
from shared.orders.view import public_json
from shared.streams.consumer.deliveries import Delivery
from shared.streams.log.followed import Following
from shared.streams.log.log import Log
from shared.streams.redis.scripts import Command

_FEW = 16  # Entries that are sooner published than it is found out for whom.


class Notifier:
    """Publishes what clients may see."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._following = Following(log)

    async def handle(self, batch: Sequence[Delivery]) -> list[Command]:
        """Return what publishes the events of the batch whose orders are followed.

        Raises `MalformedEvent` for an entry that is no event.
        """
        for delivery in batch:
            if not delivery.order_id or any(
                not event.raw.startswith(b"{") for event in delivery.written()
            ):
                raise MalformedEvent("not an event: it has no order or no JSON object")
        if len(batch) > _FEW:
            wanted = await self._following.among([delivery.order_id for delivery in batch])
            batch = [delivery for delivery in batch if delivery.order_id in wanted]
        messages = [
            (delivery.order_id, public_json(event.type, event.raw))
            for delivery in batch
            for event in delivery.written()
        ]
        metrics.PUBLISHED.inc(len(messages))
        return self._log.publishing(messages)
