"""The history of an order as a step finds it, and its fold."""

from __future__ import annotations

from shared.concurrency.coalescer import Coalescer
from shared.orders.codec import decode
from shared.orders.events import OrderEvent
from shared.orders.order import Order, replay
from shared.streams.errors import HistoryMissing
from shared.streams.log.log import Log

_AT_ONCE = 100  # Histories; each is some kilobytes.


class Histories:
    """Reads histories; those asked for at the same time in one round trip."""

    def __init__(self, log: Log) -> None:
        self._read = Coalescer(log.history, batch=_AT_ONCE)

    async def at(self, event: OrderEvent) -> list[OrderEvent]:
        """Return the order's events up to `event`, the last one.

        Nothing when the log has more: then somebody moved the order on, and there is nothing to
        append. Raises `HistoryMissing` when it has not all of them. That is told apart here, from
        what was read: by the time the step is settled the history may be back.
        """
        history = [decode(raw) for raw in await self._read(event.order_id)]
        if len(history) < event.version:
            raise HistoryMissing(
                f"order {event.order_id} has {len(history)} events in Redis, not {event.version}"
            )
        return history if len(history) == event.version else []


async def fold_at(log: Log, event: OrderEvent) -> Order | None:
    """Return the order as it stood right after `event`, or None if somebody moved it on.

    Raises `HistoryMissing`.
    """
    return replay(await Histories(log).at(event))
