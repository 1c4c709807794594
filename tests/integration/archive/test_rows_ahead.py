"""An order that is folded from the log stands as the archive will list it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.gateway.streaming.rows import Row
from shared.archive.archive import Archive
from shared.archive.fold import Recorded
from shared.archive.lists.filters import Filter
from shared.archive.lists.orders import orders_page, summary
from shared.archive.migrate import migrate
from shared.orders.codec import encode
from shared.orders.events import OrderEvent
from tests.support.builders import an_order_id
from tests.support.walks import histories

MOST = 40  # So many events are more than any order of these has.


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walks=st.lists(histories(longest=30), min_size=15, max_size=30), batch=st.integers(1, MOST))
def test_a_row_that_is_folded_event_by_event_is_the_one_that_is_stored(
    database_url: str, walks: list[list[OrderEvent]], batch: int
) -> None:
    orders = []
    for walk in walks:  # Each is an order of its own.
        order_id = an_order_id()
        orders.append([replace(event, order_id=order_id) for event in walk])
    folded = {}
    for events in orders:
        row = Row(events[:1])
        for event in events[1:]:
            row.add(event)
        folded[events[0].order_id] = json.loads(row.message())

    assert asyncio.run(stored(database_url, orders, batch)) == folded


async def stored(
    database_url: str, orders: Sequence[Sequence[OrderEvent]], batch: int
) -> dict[str, object]:
    """Return each order as it is listed, once its events were stored in so large batches."""
    await migrate(database_url)
    archive = await Archive.open(database_url)
    try:
        for start in range(0, MOST, batch):
            part = [event for events in orders for event in events[start : start + batch]]
            await archive.store([Recorded(event, encode(event)) for event in part])
        listed = await archive.page(orders_page(Filter(), None, 10_000))
    finally:
        await archive.close()
    wanted = {events[0].order_id for events in orders}
    return {order.order_id: summary(order) for order in listed if order.order_id in wanted}
