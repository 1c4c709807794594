"""From signing on, only the chain ends an order: send, send again, ask, search."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.executor.chain import NOT_NOW, Chain
from services.executor.decide import (
    InFlight,
    in_flight,
    judge,
    judge_all,
    next_question_ms,
    signed_in,
    unresolved,
)
from shared.clock import Clock
from shared.observability import metrics
from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OrderFailed,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.order import Order, replay
from shared.orders.states import State
from shared.settings import VenueSettings
from shared.streams.consumer.handler import Next, Park
from shared.streams.log.history import Histories
from shared.venues.protocol import VenueRejected, VenueUnavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Follows what was signed until the chain has answered, or has proven that it never will."""

    chain: Chain
    histories: Histories
    settings: VenueSettings
    now: Clock

    async def send(self, event: OrderEvent, signed: TransactionSigned) -> Next:
        """Return that the transaction was sent, or what became of one that was sent before."""
        try:
            await self.chain.send(signed)
        except VenueRejected as error:
            # No end: the bytes may have landed before. Only the chain knows.
            history = await self._signed(event)
            if not history:
                return []
            if end := await self._answer(event, history):
                return self._ended(end, signed.attempt)
            raise VenueUnavailable(f"{signed.venue} refused to send: {error}") from error
        sent = in_flight(signed)
        return [
            TransactionSent(
                **event.next(self.now()),
                venue=sent.venue,
                signature=sent.signature,
                attempt=sent.attempt,
            )
        ]

    async def confirm(self, event: OrderEvent, swap: InFlight) -> Next:
        """Wait for the chain, and send the same bytes again and again meanwhile."""
        until = event.at + timedelta(milliseconds=self.settings.confirm_budget_ms)
        signed: Sequence[TransactionSigned] = ()
        while True:
            left_s = (until - self.now()).total_seconds()
            wait_s = max(0.0, min(left_s, self.settings.resend_ms / 1_000))
            answer = await self.chain.answer(swap, wait_s)
            end = answer and judge(event, swap, answer, self.now())
            # Where one has failed, an earlier one that was thought dead may have landed.
            if end and (swap.attempt == 1 or not isinstance(end, OrderFailed)):
                return self._ended(end, swap.attempt)
            if left_s <= wait_s:
                why = f"the chain gave no answer within {self.settings.confirm_budget_ms} ms"
                return self.unresolved(event, swap, why)
            signed = signed or await self._signed(event)
            if not signed:
                return []
            await self.chain.send_again(signed[-1])
            if found := await self._found(event, signed):
                return self._ended(found, swap.attempt)

    async def resume(self, event: OrderEvent) -> Next:
        """Go on with an order that was parked or moved on from outside, wherever it stands."""
        history = await self.histories.at(event)
        order, signed = replay(history), signed_in(history)
        if order is None or not signed:
            return []
        if order.state is State.SIGNED:
            return await self.send(event, signed[-1])
        if order.state is State.SENT:
            return await self.confirm(event, in_flight(signed[-1]))
        return await self._ask_again(event, order, signed)

    def unresolved(self, event: OrderEvent, swap: InFlight, why: str) -> Next:
        """Return that nobody knows, and raise the alarm."""
        metrics.series(metrics.UNRESOLVED, swap.venue).inc()
        logger.error("order %s is unresolved: %s", event.order_id, why)
        return [unresolved(event, swap, why, self.now())]

    async def _ask_again(
        self, event: OrderEvent, order: Order, signed: Sequence[TransactionSigned]
    ) -> Next:
        await self.chain.send_again(signed[-1])  # The first send may never have arrived.
        try:
            if end := await self._answer(event, signed):
                return self._ended(end, signed[-1].attempt)
        except NOT_NOW as error:
            logger.warning("%s, asked again: %s", event.order_id, error)
        first_ms, cap_ms = self.settings.unresolved_poll_ms, self.settings.unresolved_poll_cap_ms
        return Park(next_question_ms(self.now() - order.updated_at, first_ms, cap_ms))

    def _ended(self, end: OrderEvent, attempts: int) -> Next:
        # Nobody is given confirmed orders, for they are many. Looked at again are those that have a
        # second transaction, and those that a fork may take back.
        if isinstance(end, OrderConfirmed) and (attempts > 1 or not end.final):
            return Park(self.settings.look_back_ms, [end])
        return [end]

    async def _answer(
        self, event: OrderEvent, signed: Sequence[TransactionSigned]
    ) -> OrderEvent | None:
        swap = in_flight(signed[-1])
        end = judge(event, swap, await self.chain.ask(swap), self.now())
        if end and (len(signed) == 1 or not isinstance(end, OrderFailed)):
            return end
        return judge_all(event, await self.chain.search(signed), self.now())

    async def _found(
        self, event: OrderEvent, signed: Sequence[TransactionSigned]
    ) -> OrderEvent | None:
        try:
            return judge_all(event, await self.chain.search(signed), self.now())
        except NOT_NOW as error:
            logger.warning("%s, searched for: %s", event.order_id, error)
            return None

    async def _signed(self, event: OrderEvent) -> list[TransactionSigned]:
        return signed_in(await self.histories.at(event))
