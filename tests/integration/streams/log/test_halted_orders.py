"""Orders whose history contradicts the archive: nothing is added to them until a person says so."""

from __future__ import annotations

from functools import partial

import pytest
from prometheus_client import REGISTRY

from services.gateway.access.callers import PUBLIC
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.cancel import Cancel
from services.gateway.orders.histories import Histories
from shared.archive.archive import Archive
from shared.clock import utc_now
from shared.orders.events import OrderEvent, RoutingStarted
from shared.settings import VenueSettings
from shared.streams.consumer.backlog import backlog_of, report_log
from shared.streams.consumer.handler import Next, Park
from shared.streams.log.appends import Append
from shared.streams.log.halted_orders import halt, halted_counts, release
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites
from tests.support.builders import NOON, an_intent, history
from tests.support.eventually import eventually
from tests.support.outcomes import swaps
from tests.support.replicas import (
    Scripted,
    an_executor,
    place_history,
    placed,
    running,
    types_of,
    unsettled,
)


def routing(event: OrderEvent) -> Append:
    events = [RoutingStarted(**event.next(NOON), intent=an_intent())]
    return Append(order_id=event.order_id, expected=event.version, events=events)


def settled_as_halted(group: str) -> float:
    labels = {"group": group, "outcome": "halted"}
    return REGISTRY.get_sample_value("slipstream_settled_total", labels) or 0.0


async def test_to_a_halted_order_nothing_is_added_and_to_others_as_before(log: Log) -> None:
    halted, other = await placed(log), await placed(log)
    await halt(log, [halted.order_id])
    outcomes = await log.append("", [routing(halted), routing(other)])

    assert outcomes == ["halted", "ok"]
    assert await types_of(log, halted.order_id) == ["OrderSubmitted"]
    assert await unsettled(log, "notifier") == 3


async def test_a_released_order_goes_on(log: Log) -> None:
    order = await placed(log)
    await halt(log, [order.order_id])
    first, again = await release(log, order.order_id), await release(log, order.order_id)

    assert (first, again) == (True, False)
    assert await log.append("", [routing(order)]) == ["ok"]


async def test_the_history_of_a_halted_order_stays_whatever_was_to_become_of_it(log: Log) -> None:
    before, after = history(ending="confirmed"), history(ending="confirmed")
    ids = [before[0].order_id, after[0].order_id]
    for events in (before, after):
        await place_history(log, events)
    await log.expire_histories({ids[0]: len(before)}, 60)
    await halt(log, ids)
    await log.expire_histories({ids[1]: len(after)}, 60)

    ttls = await log.client.run([("TTL", log.keys.history(order_id)) for order_id in ids])
    assert ttls == [-1, -1]


async def test_halted_orders_are_counted(log: Log) -> None:
    order = await placed(log)
    await halt(log, [order.order_id])
    await halt(log, [order.order_id])
    await report_log(log)

    place = {"partition": f"{log.keys.partition_of(order.order_id):02}"}
    assert REGISTRY.get_sample_value("slipstream_halted_orders", place) == 1
    assert sum(await halted_counts(log)) == 1


@pytest.mark.parametrize("parked", [False, True])
async def test_a_step_of_a_halted_order_is_let_go_and_counted(
    log: Log, settings: VenueSettings, *, parked: bool
) -> None:
    before = settled_as_halted("router")

    async def do(event: OrderEvent) -> Next:
        await halt(log, [event.order_id])
        return Park(1) if parked else [RoutingStarted(**event.next(NOON), intent=an_intent())]

    order = await placed(log)
    if parked:
        [delivered] = [Append(order_id=order.order_id, expected=1, park_ms=0)]
        await log.append("router", [delivered])

    async def is_nobodys() -> bool:
        parked_orders = sum(part.parked for part in await backlog_of(log, "router"))
        return parked_orders == 0 and await unsettled(log, "router") == 0

    async with running(log, "router", Scripted(do), settings):
        await eventually(is_nobodys)

    assert await types_of(log, order.order_id) == ["OrderSubmitted"]
    assert settled_as_halted("router") > before


async def test_what_a_halted_order_has_signed_is_never_sent(
    log: Log, settings: VenueSettings
) -> None:
    events = history(ending="routed")
    await place_history(log, events)
    await halt(log, [events[0].order_id])
    async with running(log, "executor", an_executor(log, settings), settings):

        async def is_let_go() -> bool:
            return await unsettled(log, "executor") == 0

        await eventually(is_let_go)

    assert await swaps(log, settings) == []
    assert await types_of(log, events[0].order_id) == [type(event).__name__ for event in events]


async def test_cancelling_a_halted_order_is_refused_at_once_and_says_why(
    log: Log, archive: Archive
) -> None:
    order = await placed(log)
    await halt(log, [order.order_id])
    lost_writes = LostWrites(log, partial(archive.positions, log.keys.namespace))
    cancel = Cancel(log, Histories(log, archive), utc_now, deadline_s=60, lost_writes=lost_writes)

    with pytest.raises(Problem) as caught:
        await cancel(order.order_id, PUBLIC)

    assert (caught.value.code, caught.value.order_id) == (Code.ORDER_HALTED, order.order_id)
    assert await types_of(log, order.order_id) == ["OrderSubmitted"]
