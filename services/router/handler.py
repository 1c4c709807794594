"""Gather the facts, ask for the decision."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from services.router.decide import begin, choose_route, may_not_try_again, name_unknown
from shared.clock import Clock
from shared.observability.order_metrics import measure_spread
from shared.orders.dispatch import work_of
from shared.orders.events import (
    OrderEvent,
    OrderFailed,
    OrderRouted,
    OrderSubmitted,
    RouteExpired,
    RoutingStarted,
    TransactionExpired,
)
from shared.orders.values import FailureReason, SwapIntent
from shared.routing.choose import Handicaps
from shared.routing.panel import Panel
from shared.streams.consumer.handler import Next
from shared.streams.log.history import fold_at
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import MayAct, always
from shared.tokens.registry import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Routes orders, and routes them again when a route came to nothing."""

    log: Log
    panel: Panel
    tokens: Tokens
    max_routes: int
    now: Clock
    may_act: MayAct = always

    handles = work_of("router")
    handles_when_due = ()
    waits_on = ()
    announces = (RoutingStarted,)

    async def handle(self, event: OrderEvent) -> Next:
        """Return the next event of an order that is to be routed."""
        await self.may_act()
        match event:
            case OrderSubmitted():
                return [begin(event, self.now())]
            case RoutingStarted():
                return [await self._route(event, event.intent, event.account, attempt=1)]
            case _:
                return await self._route_again(event)

    def give_up(self, event: OrderEvent, why: str) -> Next:
        """Fail the order: nothing of it is signed."""
        return [
            OrderFailed(
                **event.next(self.now()),
                reason=FailureReason.RETRIES_EXHAUSTED,
                detail=why,
                attempts=event.attempt
                if isinstance(event, RouteExpired | TransactionExpired)
                else 0,
            )
        ]

    async def _route_again(self, event: OrderEvent) -> Next:
        order = await fold_at(self.log, event)
        if order is None:
            return []
        if end := may_not_try_again(order, event, self.max_routes, self.now()):
            return [end]
        attempt, unable = order.attempts + 1, order.unable
        return [await self._route(event, order.intent, order.account, attempt, unable)]

    async def _route(
        self,
        event: OrderEvent,
        intent: SwapIntent,
        account: str,
        attempt: int,
        unable: Collection[str] = (),
    ) -> OrderEvent:
        pair = (intent.token_in, intent.token_out)
        if unknown := [name for name in pair if name not in self.tokens.by_name]:
            return name_unknown(event, unknown, attempt - 1, self.now())
        offers = await self.panel.ask(intent)
        handicaps = Handicaps(unable, self.panel.discounts)
        chosen = choose_route(event, intent, account, attempt, offers, self.now(), handicaps)
        if isinstance(chosen, OrderRouted):
            self.panel.won(chosen.route.venue)
            measure_spread(chosen.quotes)
        return chosen
