"""The history of an order as a step finds it, and its fold."""

from __future__ import annotations

from shared.batching import Coalescer
from shared.orders.codec import decode
from shared.orders.events import OrderEvent
from shared.orders.order import Order, replay
from shared.streams.log import Log

_AT_ONCE = 100  # Histories; each is some kilobytes.


class Histories:
    """Reads histories; those asked for at the same time in one round trip."""

    def __init__(self, log: Log) -> None:
        self._read = Coalescer(log.history, batch=_AT_ONCE)

    async def at(self, event: OrderEvent) -> list[OrderEvent]:
        """Return the order's events up to `event`, the last one.

        Nothing when the log has not all of them, or more: then somebody moved the order on, and
        settling the step with nothing to append finds out which.
        """
        history = [decode(raw) for raw in await self._read(event.order_id)]
        return history if len(history) == event.version else []


async def fold_at(log: Log, event: OrderEvent) -> Order | None:
    """Return the order as it stood right after `event`, or None as `Histories.at` has nothing."""
    return replay(await Histories(log).at(event))
