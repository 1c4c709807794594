"""An order has ended; what was signed for it may yet turn up on the chain, or vanish from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.executor.chain import NOT_NOW, Chain
from services.executor.decide import InFlight, milliseconds, next_question_ms
from services.executor.doubts import (
    contradictions,
    in_doubt,
    landed_anew,
    may_be_taken_back,
    next_look_ms,
    not_final,
    taken_back,
)
from shared.clock import Clock
from shared.observability import metrics
from shared.orders.events import OrderEvent, OutcomeContradicted, TransactionSigned
from shared.orders.order import replay
from shared.settings import VenueSettings
from shared.streams.consumer.handler import Next, Park
from shared.streams.log.history import Histories
from shared.venues.protocol import Answer, Landed, Unknown

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBack:
    """Asks the chain about ended orders again: a few times, or until a confirmed swap is final."""

    chain: Chain
    histories: Histories
    settings: VenueSettings
    now: Clock

    async def look(self, event: OrderEvent) -> Next:
        """Return a record of what contradicts the order's end, or when to look again, if at all."""
        history = await self.histories.at(event)
        order, doubted, confirmed = replay(history), in_doubt(history), not_final(history)
        if order is None or not (doubted or confirmed):
            return []
        since_end, first_ms = self.now() - event.at, self.settings.look_back_ms
        if since_end < timedelta(milliseconds=first_ms):
            return Park(first_ms - milliseconds(since_end))
        try:
            found = await self.chain.search([*doubted, *confirmed])
        except NOT_NOW as error:
            logger.warning("%s, looked back at: %s", event.order_id, error)
            return Park(first_ms)
        late, ours = found[: len(doubted)], found[len(doubted) :]
        now = self.now()
        records = (
            contradictions(event, order, late, now)
            or taken_back(event, order.state, ours, now)
            or landed_anew(event, order, ours, now)
        )
        if records:
            return _alarmed(records)
        await self._send_lost(confirmed, ours)
        after_ms = self._next_look_ms(since_end, doubted, found)
        return [] if after_ms is None else Park(after_ms)

    def _next_look_ms(
        self,
        since_end: timedelta,
        doubted: Sequence[TransactionSigned],
        found: Sequence[tuple[InFlight, Answer]],
    ) -> int | None:
        first_ms, settings = self.settings.look_back_ms, self.settings
        late, ours = found[: len(doubted)], found[len(doubted) :]
        # A late one that has landed is told at once, but for one that must be final first.
        if any(isinstance(answer, Landed) for _, answer in late) or any(
            may_be_taken_back(answer) for _, answer in ours
        ):
            return next_question_ms(since_end, first_ms, settings.unresolved_poll_cap_ms)
        return next_look_ms(since_end, settings.look_back_for_ms) if doubted else None

    async def _send_lost(
        self, confirmed: Sequence[TransactionSigned], found: Sequence[tuple[InFlight, Answer]]
    ) -> None:
        # On the fork that won, the same bytes may land once more.
        for signed, (_, answer) in zip(confirmed, found, strict=True):
            if isinstance(answer, Unknown):
                await self.chain.send_again(signed)


def _alarmed(records: Sequence[OutcomeContradicted]) -> Next:
    for record in records:
        metrics.series(metrics.CONTRADICTIONS, record.kind).inc()
        logger.error(
            "order %s ended as %s, and %s %s: %s",
            *(record.order_id, record.state, record.signature, _SAID[record.kind], record.detail),
        )
    return records


_SAID = {
    "landed": "landed",
    "rolledBack": "is no longer on the chain",
    "landedAnew": "landed once more",
}
