"""Every quote fails once, and each failure counts once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from shared.clock import utc_now
from shared.observability import metrics
from shared.orders.values import Quote, SwapIntent
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.venues.protocol import VenueUnavailable
from tests.support.builders import a_quote, an_intent, submitted
from tests.support.eventually import eventually
from tests.support.outcomes import all_ended
from tests.support.replicas import a_router, an_executor, running, submit
from tests.support.scripted_venue import LANDED, ScriptedVenue

ORDERS = 500


class Storm:
    """A venue's quotes: of each order the first `failures` fail. Amounts tell orders apart."""

    def __init__(self, failures: int) -> None:
        self.asked: Counter[Decimal] = Counter()
        self._failures = failures

    def quote(self, intent: SwapIntent) -> Quote:
        self.asked[intent.amount_in] += 1
        if self.asked[intent.amount_in] <= self._failures:
            raise VenueUnavailable("not now")
        return msgspec.structs.replace(a_quote(), expires_at=utc_now() + timedelta(hours=1))


async def weathered(log: Log, settings: VenueSettings, storm: Storm) -> float:
    """Bring orders to their ends; return how many retries that took."""
    retries = metrics.RETRIES.labels("router")
    before = retries._value.get()
    venue = ScriptedVenue(on_quote=storm.quote, on_status=lambda _signature: LANDED)
    router, executor = a_router(log, settings, [venue]), an_executor(log, settings, venue)
    events = [submitted(intent=an_intent(str(1 + i)), at=utc_now()) for i in range(ORDERS)]
    async with (
        running(log, "router", router, settings),
        running(log, "executor", executor, settings),
    ):
        await submit(log, *events)
        order_ids = [event.order_id for event in events]
        await eventually(lambda: all_ended(log, order_ids), every_s=0.1)
    return float(retries._value.get() - before)


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_a_storm_of_failures_asks_once_more_for_each_and_counts_each_once(
    log: Log, settings: VenueSettings, failures: int
) -> None:
    storm = Storm(failures)
    # A machine that stands still for a second is no failure of a venue's, and no lost lease.
    patient = settings.model_copy(update={"lease_ms": 60_000, "quote_deadline_ms": 60_000})
    retries = await weathered(log, patient, storm)

    assert set(storm.asked.values()) == {failures + 1}
    assert retries == failures * ORDERS
