"""Replicas of router and executor that are killed or paused in the middle of a step."""

from __future__ import annotations

import pytest

from shared.streams.log.log import Log
from tests.support.eventually import eventually
from tests.support.gate import gated
from tests.support.outcomes import all_ended, held_by, settled, swapped_once
from tests.support.processes import Services, StackSettings
from tests.support.replicas import placed

WORKERS = ("router", "executor")
NEXT = ["RoutingStarted", "OrderRouted", "TransactionSigned", "TransactionSent", "OrderConfirmed"]


async def place(log: Log, orders: int) -> list[str]:
    return [(await placed(log)).order_id for _ in range(orders)]


@pytest.mark.parametrize("version", range(1, 6))
async def test_orders_of_replicas_killed_at_any_version_are_finished_by_others(
    log: Log, settings: StackSettings, services: Services, version: int
) -> None:
    """Killed with the step done, the transaction sent say, and its event not yet on the log."""
    async with gated(settings.redis_url, NEXT[version - 1]) as gate:
        # Slow enough for what is only announced to be on the log before what comes of it.
        through = settings.model_copy(update={"redis_url": gate.url, "venue_quote_ms": 500})
        victims = await services.start(through, *WORKERS)
        order_ids = await place(log, 5)
        await eventually(lambda: gate.closed)
        for victim in victims:
            victim.kill()
    versions = await log.versions(order_ids)
    await services.start(settings, *WORKERS)

    assert version in versions
    assert max(versions) == version
    await swapped_once(log, settings, order_ids, WORKERS)


async def test_orders_of_replicas_killed_under_load_are_finished_by_those_that_run(
    log: Log, settings: StackSettings, services: Services
) -> None:
    victims = await services.start(settings, *WORKERS)
    survivors = await services.start(settings, *WORKERS)
    order_ids = await place(log, 20)
    _, executor = victims

    async def is_caught_at_work() -> bool:
        order_ids.extend(await place(log, 5))
        executor.pause()
        if await held_by(log, "executor", executor.consumer):
            return True
        executor.resume()
        return False

    await eventually(is_caught_at_work)
    for victim in victims:
        victim.kill()

    await swapped_once(log, settings, order_ids, WORKERS)
    assert sum(one.metric("slipstream_taken_over_total") for one in survivors) > 0


@pytest.mark.parametrize("step", ["TransactionSigned", "TransactionSent", "OrderConfirmed"])
async def test_an_executor_that_wakes_up_after_its_lease_adds_nothing(
    log: Log, settings: StackSettings, services: Services, step: str
) -> None:
    """Even what it had on its way when it fell asleep comes too late."""
    async with gated(settings.redis_url, step) as gate:
        through = settings.model_copy(update={"redis_url": gate.url})
        [sleeper] = await services.start(through, "executor")
        await services.start(settings, "router")
        order_ids = await place(log, 5)
        await eventually(lambda: gate.closed)
        sleeper.pause()
        [other] = await services.start(settings, "executor")
        await eventually(lambda: all_ended(log, order_ids))
        await eventually(lambda: settled(log, *WORKERS))
        before = await log.history(order_ids)
        other.kill()
        gate.open()
        sleeper.resume()
        # What it has in hand goes before what it is given now.
        order_ids += await place(log, 1)
        await swapped_once(log, settings, order_ids, WORKERS)

        assert await log.history(order_ids[:-1]) == before
        assert sleeper.metric("slipstream_settled_total", outcome="moved") > 0
