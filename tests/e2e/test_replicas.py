"""Several replicas of every service: at work side by side, and replaced one after the other."""

from __future__ import annotations

from functools import partial

from shared.archive.rebuild import rebuild
from shared.orders.dispatch import GROUPS
from shared.streams.log.log import Log
from tests.support.archive import orders
from tests.support.eventually import eventually
from tests.support.load import Client
from tests.support.outcomes import members, swapped_once
from tests.support.processes import EVERY_SERVICE, Service, Services, StackSettings

WORK = {
    "gateway": "slipstream_orders_accepted_total",
    "router": "slipstream_settled_total",
    "executor": "slipstream_settled_total",
    "notifier": "slipstream_updates_published_total",
    "projector": "slipstream_projected_events_total",
}


def has_worked(service: Service) -> bool:
    return service.metric(WORK[service.name]) > 0


async def test_two_of_every_service_share_the_work_and_end_every_order_once(
    log: Log, stack_settings: StackSettings, services: Services
) -> None:
    stack = await services.start(stack_settings, *EVERY_SERVICE, *EVERY_SERVICE)

    async with Client([one.address for one in stack if one.name == "gateway"]) as client:

        async def all_have_worked() -> None:
            await eventually(lambda: all(has_worked(service) for service in stack))

        await client.place_while(all_have_worked, rate=50)

    await swapped_once(log, stack_settings, client.accepted, GROUPS)
    assert client.refusals == []
    live = orders(stack_settings.database_url)
    await rebuild(stack_settings.database_url)
    assert len(live) == len(client.accepted)
    assert orders(stack_settings.database_url) == live


async def test_services_replaced_one_by_one_under_load_leave_and_lose_nothing(
    log: Log, stack_settings: StackSettings, services: Services
) -> None:
    """With one attempt an order: leaving in the middle of a step must not count as one."""
    settings = stack_settings.model_copy(update={"max_attempts": 1})
    stack = await services.start(settings, *EVERY_SERVICE)

    async with Client([stack[0].address]) as client:

        async def replacement() -> None:
            for old in stack:
                [new] = await services.start(settings, old.name)
                client.addresses += [new.address] if new.name == "gateway" else []
                await eventually(partial(has_worked, old))
                old.terminate()
                assert await old.exit_code() == 0, old.consumer
                await eventually(partial(has_worked, new))

        await client.place_while(replacement, rate=50)

    await swapped_once(log, settings, client.accepted, GROUPS)
    assert client.refusals == []
    gone = {service.consumer for service in stack}
    for group in GROUPS:
        assert not gone & await members(log, group)
