"""Hand each event to who knows what to do about it; sign what may be signed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from services.executor.chain import Chain
from services.executor.decide import exhausted, gone, in_flight, rejected, too_late_to_sign
from services.executor.look_back import LookBack
from services.executor.settlement import Settlement
from shared.clock import Clock
from shared.orders.dispatch import work_of
from shared.orders.events import (
    CancelRequested,
    OrderConfirmed,
    OrderEvent,
    OrderRouted,
    OrderUnresolved,
    TransactionSent,
    TransactionSigned,
)
from shared.settings import VenueSettings
from shared.streams.consumer.handler import Next, Park
from shared.venues.health.outcomes import Outcomes
from shared.venues.protocol import RouteGone, VenueRejected

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Executes routed orders, one event a step: sign, send, confirm; and looks back once."""

    chain: Chain
    settlement: Settlement
    look_back: LookBack
    outcomes: Outcomes
    settings: VenueSettings
    now: Clock

    handles = work_of("executor")
    handles_when_due = (OrderConfirmed,)
    waits_on = (TransactionSent, CancelRequested)
    announces = (TransactionSent,)

    async def handle(self, event: OrderEvent) -> Next:
        """Return the next event of an order that is to be executed."""
        following = await self._follow(event)
        self.outcomes.note(event, following.events if isinstance(following, Park) else following)
        return following

    async def _follow(self, event: OrderEvent) -> Next:
        match event:
            case OrderRouted():
                return await self._sign(event)
            case TransactionSigned():
                return await self.settlement.send(event, event)
            case TransactionSent():
                return await self.settlement.confirm(event, in_flight(event))
            case OrderUnresolved() | CancelRequested():
                return await self.settlement.resume(event)
            case _:
                return await self.look_back.look(event)

    def give_up(self, event: OrderEvent, why: str) -> Next:
        """Fail what is not signed; what is signed is unresolved, and asked about for ever."""
        match event:
            case OrderRouted():
                return [exhausted(event, why, self.now())]
            case TransactionSigned() | TransactionSent():
                return self.settlement.unresolved(event, in_flight(event), why)
            case OrderUnresolved() | CancelRequested():
                return Park(self.settings.unresolved_poll_ms)
            case _:
                return Park(self.settings.look_back_ms)

    async def _sign(self, event: OrderRouted) -> Next:
        await self.chain.may_act()  # Before anything: it may be signed, and forgotten.
        if late := too_late_to_sign(event, self.now()):
            return [late]
        try:
            transaction = await self.chain.build(event)
        except RouteGone as error:
            logger.info("%s is routed anew: %s", event.order_id, error)
            return [gone(event, self.now(), self.now(), error)]
        except VenueRejected as error:
            return [rejected(event, error, self.now())]
        return [
            TransactionSigned(
                **event.next(self.now()),
                venue=event.route.venue,
                transaction=transaction,
                attempt=event.attempt,
            )
        ]
