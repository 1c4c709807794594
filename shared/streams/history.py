"""The fold of an order as a step finds it."""

from __future__ import annotations

from shared.orders.codec import decode
from shared.orders.events import OrderEvent
from shared.orders.order import Order, replay
from shared.streams.log import Log


async def fold_at(log: Log, event: OrderEvent) -> Order | None:
    """Return the order as it stood right after `event`.

    None when the log has no such history, or more of it: then somebody moved the order on, and
    settling the step with nothing to append finds out which.
    """
    [raw] = await log.history([event.order_id])
    order = replay(map(decode, raw))
    return order if order and order.version == event.version else None
