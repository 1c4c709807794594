"""What a step is about to do and what came of it go onto the log together, if it is quick."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY

from shared.orders.events import Head, OrderCancelled, OrderEvent, OrderSubmitted, RoutingStarted
from shared.settings import VenueSettings
from shared.streams.consumer.handler import Next
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from tests.integration.streams.consumer.test_runtime import failed, is_settled, routing
from tests.support.builders import NOON
from tests.support.eventually import eventually
from tests.support.replicas import Scripted, placed, running, types_of

BOTH = (OrderSubmitted, RoutingStarted)


def announcing(after: Scripted) -> Scripted:
    """Return a handler that announces `RoutingStarted`, and goes on as `after` does."""

    async def do(event: OrderEvent) -> Next:
        return routing(event) if isinstance(event, OrderSubmitted) else await after.handle(event)

    return Scripted(do, handles=BOTH, announces=(RoutingStarted,))


def settled_so_far() -> float:
    labels = {"group": "router", "outcome": "ok"}
    return REGISTRY.get_sample_value("slipstream_settled_total", labels) or 0


async def test_an_announcement_and_what_comes_of_it_at_once_are_appended_together(
    log: Log, settings: VenueSettings
) -> None:
    async def do(event: OrderEvent) -> Next:
        return failed(event, "no route")

    before = settled_so_far()
    async with running(log, "router", announcing(Scripted(do)), settings):
        order = await placed(log)
        await eventually(lambda: is_settled(log))

    assert await types_of(log, order.order_id) == [
        "OrderSubmitted",
        "RoutingStarted",
        "OrderFailed",
    ]
    assert settled_so_far() - before == 1


async def test_an_announcement_is_not_kept_for_longer_than_a_moment(
    log: Log, settings: VenueSettings
) -> None:
    proceed = asyncio.Event()

    async def do(event: OrderEvent) -> Next:
        await proceed.wait()
        return failed(event, "no route")

    before = settled_so_far()
    async with running(log, "router", announcing(Scripted(do)), settings):
        order = await placed(log)

        async def is_told() -> bool:
            return await log.versions([order.order_id]) == [2]

        await eventually(is_told)
        proceed.set()
        await eventually(lambda: is_settled(log))

    assert await types_of(log, order.order_id) == [
        "OrderSubmitted",
        "RoutingStarted",
        "OrderFailed",
    ]
    assert settled_so_far() - before == 2


async def test_an_order_that_is_moved_on_during_an_announcement_gets_nothing_more(
    log: Log, settings: VenueSettings
) -> None:
    async def do(event: OrderEvent) -> Next:
        head = Head(order_id=event.order_id, version=2, at=NOON)
        cancel = Append(order_id=event.order_id, expected=1, events=[OrderCancelled(**head)])
        assert await log.append("", [cancel]) == ["ok"]
        return failed(event, "no route")

    async with running(log, "router", announcing(Scripted(do)), settings):
        order = await placed(log)
        await eventually(lambda: is_settled(log))

    assert await types_of(log, order.order_id) == ["OrderSubmitted", "OrderCancelled"]


async def test_a_step_that_fails_has_been_announced_once_and_is_tried_again_by_itself(
    log: Log, settings: VenueSettings
) -> None:
    tried = []

    async def do(event: OrderEvent) -> Next:
        tried.append(type(event))
        if len(tried) < 3:
            raise RuntimeError("not now")
        return failed(event, "no route")

    async with running(log, "router", announcing(Scripted(do)), settings):
        order = await placed(log)
        await eventually(lambda: is_settled(log))

    assert tried == [RoutingStarted] * 3
    assert await types_of(log, order.order_id) == [
        "OrderSubmitted",
        "RoutingStarted",
        "OrderFailed",
    ]
