"""Gather the facts, ask for the decision. From signing on, only the chain ends an order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.executor.decide import (
    InFlight,
    exhausted,
    judge,
    next_question_ms,
    rejected,
    too_late_to_sign,
    unresolved,
)
from services.executor.watch import ChainWatch
from shared import metrics
from shared.clock import Clock
from shared.errors import ServerAway
from shared.orders.events import (
    CancelRequested,
    OrderEvent,
    OrderRouted,
    OrderUnresolved,
    TransactionSent,
    TransactionSigned,
)
from shared.orders.order import Order
from shared.orders.states import State
from shared.orders.values import SignedTransaction
from shared.settings import VenueSettings
from shared.streams.history import fold_at
from shared.streams.log import Log
from shared.streams.steps import Next, Park
from shared.venues.protocol import Venue, VenueRejected, VenueUnavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Executes routed orders, one event a step: sign, send, confirm."""

    log: Log
    venues: Mapping[str, Venue]
    watches: Mapping[str, ChainWatch]
    settings: VenueSettings
    now: Clock

    handles = (OrderRouted, TransactionSigned, TransactionSent, OrderUnresolved, CancelRequested)
    waits_on = (TransactionSent, CancelRequested)

    async def handle(self, event: OrderEvent) -> Next:
        """Return the next event of an order that is to be executed."""
        match event:
            case OrderRouted():
                return await self._sign(event)
            case TransactionSigned():
                return await self._send(event, in_flight(event), event.transaction)
            case TransactionSent():
                return await self._confirm(event, in_flight(event))
            case _:
                return await self._resume(event)

    def give_up(self, event: OrderEvent, why: str) -> Next:
        """Fail what is not signed; what is signed is unresolved, and asked about for ever."""
        match event:
            case OrderRouted():
                return [exhausted(event, why, self.now())]
            case TransactionSigned() | TransactionSent():
                return self._unresolved(event, in_flight(event), why)
            case _:
                return Park(self.settings.unresolved_poll_ms)

    async def _sign(self, event: OrderRouted) -> Next:
        if late := too_late_to_sign(event, self.now()):
            return [late]
        route = event.route
        try:
            async with self._deadline():
                transaction = await self._venue(route.venue).build(
                    event.order_id, event.intent, route
                )
        except VenueRejected as error:
            return [rejected(event, str(error), self.now())]
        return [
            TransactionSigned(
                **event.next(self.now()),
                venue=route.venue,
                transaction=transaction,
                attempt=event.attempt,
            )
        ]

    async def _send(
        self, event: OrderEvent, swap: InFlight, transaction: SignedTransaction
    ) -> Next:
        try:
            async with self._deadline():
                await self._venue(swap.venue).send(transaction)
        except VenueRejected as error:
            # No end: the bytes may have landed before. Only the chain knows.
            answer = await self.watches[swap.venue].ask(swap.signature)
            if end := judge(event, swap, answer, self.now()):
                return [end]
            raise VenueUnavailable(f"{swap.venue} refused to send: {error}") from error
        return [
            TransactionSent(
                **event.next(self.now()),
                venue=swap.venue,
                signature=swap.signature,
                attempt=swap.attempt,
            )
        ]

    async def _confirm(self, event: OrderEvent, swap: InFlight) -> Next:
        waited = self.now() - event.at
        budget = timedelta(milliseconds=self.settings.confirm_budget_ms) - waited
        watch = self.watches[swap.venue]
        answer = await watch.answer(swap.signature, max(0.0, budget.total_seconds()))
        if answer is not None and (end := judge(event, swap, answer, self.now())):
            return [end]
        why = f"the chain gave no answer within {self.settings.confirm_budget_ms} ms"
        return self._unresolved(event, swap, why)

    async def _resume(self, event: OrderEvent) -> Next:
        order = await fold_at(self.log, event)
        if order is None or order.transaction is None or order.route is None:
            return []
        swap = InFlight(
            venue=order.route.venue,
            signature=order.transaction.signature,
            attempt=order.attempts,
        )
        if order.state is State.SIGNED:
            return await self._send(event, swap, order.transaction)
        if order.state is State.SENT:
            return await self._confirm(event, swap)
        return await self._ask_again(event, order, swap, order.transaction)

    async def _ask_again(
        self, event: OrderEvent, order: Order, swap: InFlight, transaction: SignedTransaction
    ) -> Next:
        try:
            # The same bytes land once at most, and the first send may never have arrived.
            async with self._deadline():
                await self._venue(swap.venue).send(transaction)
        except (VenueRejected, VenueUnavailable, ServerAway, TimeoutError) as error:
            logger.info("%s, sent again: %s", event.order_id, error)
        try:
            answer = await self.watches[swap.venue].ask(swap.signature)
            if end := judge(event, swap, answer, self.now()):
                return [end]
        except (VenueUnavailable, ServerAway, TimeoutError) as error:
            logger.warning("%s, asked again: %s", event.order_id, error)
        first_ms, cap_ms = self.settings.unresolved_poll_ms, self.settings.unresolved_poll_cap_ms
        return Park(next_question_ms(self.now() - order.updated_at, first_ms, cap_ms))

    def _unresolved(self, event: OrderEvent, swap: InFlight, why: str) -> Next:
        metrics.UNRESOLVED.labels(swap.venue).inc()
        logger.error("order %s is unresolved: %s", event.order_id, why)
        return [unresolved(event, swap, why, self.now())]

    def _venue(self, name: str) -> Venue:
        if name not in self.venues:
            raise VenueUnavailable(f"venue {name!r} is not among VENUES of this executor")
        return self.venues[name]

    def _deadline(self) -> asyncio.Timeout:
        return asyncio.timeout(self.settings.venue_deadline_ms / 1_000)


def in_flight(event: TransactionSigned | TransactionSent) -> InFlight:
    """Return what an event says of the transaction it is about."""
    if isinstance(event, TransactionSigned):
        signature = event.transaction.signature
    else:
        signature = event.signature
    return InFlight(venue=event.venue, signature=signature, attempt=event.attempt)
