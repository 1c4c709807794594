"""An executor sleeps for longer than its lease, at each of its steps, and wakes up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from shared.orders.events import TransactionExpired, TransactionSigned
from shared.streams.log.log import Log
from shared.venues.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.gate import gated
from tests.support.outcomes import all_ended, settled, swaps
from tests.support.processes import Services, StackSettings
from tests.support.replicas import events_of, placed

WORKERS = ("router", "executor")
FORGETFUL = "*.never_lands=1"  # What this executor sends is dropped: the chain never answers.


@pytest.fixture
def settings(settings: StackSettings) -> StackSettings:
    """Return settings by which a transaction lives for less than a lease."""
    return settings.model_copy(
        update={
            "chain_block_ms": 2,
            "chain_valid_blocks": 200,
            "venue_swap_ms_min": 50,
            "venue_swap_ms_max": 50,
            "confirm_budget_ms": 250,
            "resend_ms": 100,
            "unresolved_poll_ms": 50,
            "max_routes": 100,  # On a busy machine many a transaction comes too late.
            "look_back_ms": 50,
            "look_back_for_ms": 50,
        }
    )


@pytest.mark.parametrize(
    ("asleep_before", "faults"),
    [
        ("TransactionSigned", ""),
        ("\r\nlands\r\n", ""),  # The send, as the chain is told of it.
        ("TransactionSent", ""),
        ("OrderConfirmed", ""),
        ("OrderUnresolved", FORGETFUL),
        ("TransactionExpired", FORGETFUL),
    ],
)
async def test_an_executor_that_wakes_up_late_sends_no_second_signature(
    log: Log, settings: StackSettings, services: Services, asleep_before: str, faults: str
) -> None:
    """Meanwhile its transactions have expired, and others were signed in their place."""
    async with gated(settings.redis_url, asleep_before) as gate:
        through = settings.model_copy(update={"redis_url": gate.url, "venue_faults": faults})
        [sleeper] = await services.start(through, "executor")
        await services.start(settings, "router")
        order_ids = [(await placed(log)).order_id for _ in range(5)]
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
        last = await placed(log)
        await eventually(lambda: moved_past(log, last.order_id, version=4))

        assert await log.history(order_ids) == before
        await swapped_once_by_what_is_on_the_log(log, settings, order_ids)


async def moved_past(log: Log, order_id: str, *, version: int) -> bool:
    return (await log.versions([order_id]))[0] > version


async def swapped_once_by_what_is_on_the_log(
    log: Log, settings: StackSettings, order_ids: Sequence[str]
) -> None:
    ledger = Ledger(log.client, namespace=settings.namespace, retention_s=60)
    taken = [swap async for swap in ledger.entries()]
    for order_id in order_ids:
        events = await events_of(log, order_id)
        kept = [e for e in events if isinstance(e, TransactionSigned | TransactionExpired)]

        assert {swap.signature for swap in taken if swap.order_id == order_id} <= {
            event.transaction.signature for event in kept if isinstance(event, TransactionSigned)
        }
        assert all(type(one) is not type(next_one) for one, next_one in pairwise(kept))
    swapped = [order_id for order_id in await swaps(log, settings) if order_id in order_ids]
    assert swapped == sorted(order_ids)
