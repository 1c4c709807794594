"""The orders that one socket follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.gateway.access.callers import Caller
from services.gateway.following.hub import UpdateHub
from services.gateway.following.messages import (
    RequestId,
    Subscribe,
    Unsubscribe,
    marker,
    refusal,
    reply,
)
from services.gateway.following.outbox import Outbox
from services.gateway.following.position import FollowPosition
from services.gateway.http.answers import checked_id
from services.gateway.http.problems import Code, Problem


class Subscription(FollowPosition):
    """One of the orders that a socket follows. Says where it is, unless told not to."""

    def __init__(
        self, request: Subscribe, outbox: Outbox, forget: Callable[[Subscription], None]
    ) -> None:
        """`request` is answered once the client is up to date. Raises `Problem`."""
        super().__init__(checked_id(request.subscribe), request.since, outbox)
        self.request = request
        self._forget = forget

    def caught_up(self) -> None:
        """Say that the past is told, and what comes now is new."""
        if self.request.markers:
            self.mark("caught_up", self.request.id)
        elif self.request.id is not None:
            told = reply(self.request.id, orderId=self.order_id, version=self.position)
            self.outbox.answer(told)

    def over(self, problem: Problem | None) -> None:
        """Say that no more will come. The socket stays open for the others."""
        self._forget(self)
        if problem:
            self.outbox.answer(refusal(None, problem, self.order_id))
        elif self.request.markers:
            self.mark("ended")

    def mark(self, name: str, request_id: RequestId = None) -> None:
        """Say where the client is in the order's events."""
        self.outbox.answer(marker(name, self.order_id, self.position, request_id))


class Subscriptions:
    """Follows many orders for one client."""

    def __init__(self, caller: Caller, outbox: Outbox, hub: UpdateHub, *, limit: int) -> None:
        """At most `limit` orders are followed at the same time."""
        self._caller = caller
        self._outbox = outbox
        self._hub = hub
        self._limit = limit
        self._by_order: dict[str, Subscription] = {}

    def __contains__(self, order_id: str) -> bool:
        """Return whether the order is followed."""
        return order_id in self._by_order

    async def add(self, requests: Sequence[Subscribe]) -> None:
        """Follow orders, all in few round trips."""
        added = []
        for request in requests:
            try:
                added.append(self._added(request))
            except Problem as problem:
                self._outbox.answer(refusal(request.id, problem))
        refused = await self._hub.join(self._caller, added)
        for subscription, why in zip(added, refused, strict=True):
            if why:
                self._forget(subscription)
                told = refusal(subscription.request.id, why, subscription.order_id)
                self._outbox.answer(told)

    async def remove(self, requests: Sequence[Unsubscribe]) -> None:
        """Follow orders no more."""
        for request in requests:
            try:
                subscription = self._followed(request.unsubscribe)
            except Problem as problem:
                self._outbox.answer(refusal(request.id, problem))
            else:
                self._forget(subscription)
                subscription.mark("unsubscribed", request.id)

    def close(self) -> None:
        """Follow nothing more."""
        self._hub.leave(self._by_order.values())
        self._by_order.clear()

    def _added(self, request: Subscribe) -> Subscription:
        subscription = Subscription(request, self._outbox, self._forget)
        if subscription.order_id in self._by_order:
            raise Problem(Code.ALREADY_SUBSCRIBED, order_id=subscription.order_id)
        if len(self._by_order) >= self._limit:
            how = f"at most {self._limit}: unsubscribe from some, or open another socket"
            raise Problem(Code.TOO_MANY_SUBSCRIPTIONS, how, order_id=subscription.order_id)
        self._by_order[subscription.order_id] = subscription
        return subscription

    def _followed(self, said_id: str) -> Subscription:
        order_id = checked_id(said_id)
        if order_id not in self._by_order:
            raise Problem(Code.NOT_SUBSCRIBED, order_id=order_id)
        return self._by_order[order_id]

    def _forget(self, subscription: Subscription) -> None:
        del self._by_order[subscription.order_id]
        self._hub.leave([subscription])
