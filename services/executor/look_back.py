"""An order has ended; what was signed for it may yet turn up on the chain."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.executor.chain import NOT_NOW, Chain
from services.executor.decide import contradictions, in_doubt, next_look_ms
from shared.clock import Clock
from shared.observability import metrics
from shared.orders.events import OrderEvent, OutcomeContradicted
from shared.orders.order import replay
from shared.settings import VenueSettings
from shared.streams.consumer.handler import Next, Park
from shared.streams.log.history import Histories

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBack:
    """Asks the chain about ended orders again, a few times, ever less often."""

    chain: Chain
    histories: Histories
    settings: VenueSettings
    now: Clock

    async def look(self, event: OrderEvent) -> Next:
        """Return a record of what contradicts the order's end, or when to look again, if at all."""
        history = await self.histories.at(event)
        order, doubted = replay(history), in_doubt(history)
        if order is None or not doubted:
            return []
        since_end, first_ms = self.now() - event.at, self.settings.look_back_ms
        if since_end >= timedelta(milliseconds=first_ms):
            try:
                found = await self.chain.search(doubted)
            except NOT_NOW as error:
                logger.warning("%s, looked back at: %s", event.order_id, error)
                return Park(first_ms)
            if records := contradictions(event, order.state, found, self.now()):
                return _alarmed(records)
        after_ms = next_look_ms(since_end, first_ms, self.settings.look_back_for_ms)
        return [] if after_ms is None else Park(after_ms)


def _alarmed(records: Sequence[OutcomeContradicted]) -> Next:
    metrics.CONTRADICTIONS.inc(len(records))
    for record in records:
        logger.error(
            "order %s ended as %s, and %s landed: %s",
            *(record.order_id, record.state, record.signature, record.detail),
        )
    return records
