"""What steps decided, put on the log: all that comes at the same time with one script.

What a step only announces is held back for a moment, and goes along with what comes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from shared.concurrency.coalescer import Coalescer
from shared.concurrency.timers import OneTimer
from shared.observability import metrics
from shared.observability.order_metrics import count_appended
from shared.orders.events import OrderEvent
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Next, Park
from shared.streams.log.appends import Append, Settled
from shared.streams.redis.retry import WaitForRedis

# A step that takes longer is worth a word of its own. A busy replica has hundreds of steps under
# way, and comes back to each of them within this time.
_HOLD_S = 0.1


class Announcement:
    """Events of one order that are held back, or else on their way to the log.

    `before` is the last event that is on the log.
    """

    __slots__ = ("_send", "_sent", "_waits", "before", "events", "until")

    def __init__(
        self,
        before: OrderEvent,
        events: Sequence[OrderEvent],
        send: Callable[[Announcement], asyncio.Future[Settled]],
        until: float,
    ) -> None:
        self.before = before
        self.events = events
        self.until = until  # By the loop's clock.
        self._send = send
        self._sent: asyncio.Future[Settled] | None = None
        self._waits = True

    @property
    def waits(self) -> bool:
        """Return whether it is held back."""
        return self._waits

    def time_is_up(self) -> None:
        """Send it on its way, if it is held back."""
        if self.take_back():
            self._sent = self._send(self)

    def take_back(self) -> bool:
        """Return whether it was held back until now, and is the caller's to append."""
        waited, self._waits = self._waits, False
        return waited

    async def told(self) -> Settled:
        """Return what became of it, at once if it was held back."""
        self.time_is_up()
        assert self._sent is not None  # noqa: S101 - for the type checker
        return await self._sent

    def drop(self) -> None:
        """Let go: nobody asks any more what becomes of it."""
        if not self.take_back() and self._sent is not None:
            self._sent.add_done_callback(lambda sent: sent.cancelled() or sent.exception())


class Announcer:
    """Holds announcements back, each as long as the others."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer: OneTimer[Announcement] = OneTimer(loop)

    def hold(
        self,
        before: OrderEvent,
        events: Sequence[OrderEvent],
        send: Callable[[Announcement], asyncio.Future[Settled]],
    ) -> Announcement:
        """Return an announcement that goes by itself, with `send`, once it has waited enough."""
        told = Announcement(before, events, send, self._timer.loop.time() + _HOLD_S)
        self._timer.add(told)
        return told


_AT_ONCE = 500  # Appends in one script: Redis does nothing else meanwhile.

_HELD_BACK = Settled("ok")


class Settling:
    """Settles the steps of one replica."""

    def __init__(self, group: Group, patience: WaitForRedis) -> None:
        self._group = group
        self.patience = patience
        self._append: Coalescer[tuple[OrderEvent, Append], Settled] = Coalescer(
            self._append_all, batch=_AT_ONCE
        )
        self._announcer = Announcer(asyncio.get_running_loop())
        self._told: dict[tuple[int, str], Announcement] = {}

    async def settle(
        self,
        delivery: Delivery,
        event: OrderEvent,
        following: Next,
        *,
        carry_on: bool,
        announce: bool,
    ) -> Settled:
        """Append what follows `event`, if the order has not moved on.

        `carry_on` leaves the delivery pending, for a holder that goes on from the last event. To
        `announce` is to hold back what follows until something comes of it, and to say "ok".
        """
        park_ms = None
        if isinstance(following, Park):
            park_ms, following = following.after_ms, following.events
        before, events = event, following
        if told := self._told.pop(delivery.place, None):
            if told.take_back():
                before, events = told.before, [*told.events, *following]
            elif (settled := await told.told()).outcome != "ok":
                return settled
        if announce:
            send = partial(self._announce, delivery)
            self._told[delivery.place] = self._announcer.hold(before, events, send)
            return _HELD_BACK
        append = Append(
            order_id=event.order_id,
            expected=before.version,
            events=events,
            entry_id=delivery.entry_id,
            carry_on=carry_on,
            park_ms=park_ms,
            unpark=not (delivery.entry_id or park_ms is not None or carry_on),
        )
        return await self._append((before, append))

    async def tell(self, delivery: Delivery) -> None:
        """Append what was announced and is held back, if anything is."""
        if told := self._told.pop(delivery.place, None):
            await told.told()

    def drop(self, delivery: Delivery) -> None:
        """Forget what was announced: nobody goes on with it here."""
        if told := self._told.pop(delivery.place, None):
            told.drop()

    def _announce(self, delivery: Delivery, told: Announcement) -> asyncio.Future[Settled]:
        append = Append(
            order_id=delivery.order_id,
            expected=told.before.version,
            events=told.events,
            entry_id=delivery.entry_id,
            carry_on=True,
        )
        return self._append((told.before, append))

    async def _append_all(self, items: list[tuple[OrderEvent, Append]]) -> list[Settled]:
        group, appends = self._group, [append for _, append in items]
        metrics.series(metrics.SETTLE_BATCH, group.name).observe(len(appends))
        with metrics.series(metrics.APPEND_SECONDS, group.name).time():
            settled = await self.patience(lambda: group.log.settle(group.name, group.me, appends))
        appended = [
            (before, append.events)
            for (before, append), one in zip(items, settled, strict=True)
            if one.outcome == "ok"
        ]
        metrics.series(metrics.SETTLED, group.name, "ok").inc(len(appended))
        count_appended(appended)
        return settled


def last_of(following: Next) -> OrderEvent | None:
    """Return the event to go on from, or None where the order is parked or nothing follows."""
    events: Sequence[OrderEvent] = () if isinstance(following, Park) else following
    return events[-1] if events else None
