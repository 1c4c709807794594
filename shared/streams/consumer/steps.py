"""Bring orders on, one event in and the next ones out: how router and executor work.

A step is settled by one script: what follows is appended, and only if the order has not moved on.
The trigger stays pending while its holder carries on, and is acknowledged together with the last
event that this group adds. Three kinds of bad news: a refusal is an event, "not now" is an
exception (`attempts.py`), an unreadable entry is a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence

from shared.observability import metrics
from shared.observability.log_context import subject
from shared.orders.codec import MalformedEvent, decode
from shared.orders.events import EVENT_TYPES, OrderEvent
from shared.settings import ConsumerSettings
from shared.streams.consumer.attempts import Attempts
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Ended, Handler, Next, Park, Recall, Turn
from shared.streams.consumer.in_flight import InFlight
from shared.streams.consumer.missing_history import MissingHistory
from shared.streams.consumer.settling import Settling, last_of
from shared.streams.consumer.step import Step
from shared.streams.errors import LogUnavailable
from shared.streams.redis.retry import WaitForRedis

logger = logging.getLogger(__name__)

# Deliveries that wait for the chain without a slot, as a multiple of those with one. More are
# parked, and looked at again so much later.
_MOST_IDLE, _OVERFLOW = 20, Park(1_000)


class Steps:
    """Runs a handler on many deliveries at once; a slow one holds up no other."""

    def __init__(
        self,
        group: Group,
        handler: Handler,
        settings: ConsumerSettings,
        ended: Ended,
        recall: Recall,
    ) -> None:
        """Run `handler`.

        `ended` tells which orders have their end in the archive; `recall` puts the histories of
        such orders back into Redis for a while.
        """
        self.patience = WaitForRedis()
        self._group = group
        self._settings = settings
        self._handles = _names(handler.handles)
        self._when_due = self._handles | _names(handler.handles_when_due)
        self._waits_on = _names(handler.waits_on)
        self._announces = _names(handler.announces)
        self._in_flight = InFlight(settings.max_in_flight)
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._leaving = False
        self._settling = Settling(group, self.patience)
        self._missing_history = missing = MissingHistory(group.name, ended, recall)
        self._attempts = Attempts(group, handler, settings.max_attempts, self._settling, missing)

    def room(self) -> int:
        """Return how many more steps may be started now."""
        return self._in_flight.room()

    async def has_room(self, unless: asyncio.Event) -> None:
        """Return once another step may be started, or `unless` is set."""
        await self._in_flight.has_room(unless)

    def held(self) -> Collection[Delivery]:
        """Return what was started and is not settled."""
        return self._in_flight.everything()

    def start(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Start a task for each delivery that is ours; return the entries that are not."""
        not_ours = []
        for delivery in deliveries:
            if delivery in self._in_flight:
                continue
            if delivery.entry_id and _is_for_others(delivery, self._handles):
                not_ours.append(delivery)
                continue
            self._in_flight.add(delivery, idle=delivery.type in self._waits_on)
            self._tasks[delivery.place] = self._loop.create_task(self._process(delivery))
        metrics.series(metrics.IN_FLIGHT, self._group.name, "work").set(self._in_flight.busy)
        metrics.series(metrics.IN_FLIGHT, self._group.name, "chain").set(self._in_flight.idle)
        return not_ours

    async def forget(self, vanished: Sequence[Turn]) -> None:
        """Deal with parked orders whose history is gone."""
        await self._missing_history.forget(vanished)

    async def finish(self, within_s: float) -> None:
        """Finish steps, but not those that wait for the chain: another replica can wait too."""
        self._leaving = True
        for delivery in self._in_flight.idle_ones():
            self._tasks[delivery.place].cancel()
        if tasks := list(self._tasks.values()):
            await asyncio.wait(tasks, timeout=within_s)
        self.patience.given_up.set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _process(self, delivery: Delivery) -> None:
        step = Step(delivery)
        subject.set(step)
        try:
            await self._work(step)
        except LogUnavailable as error:  # Told to stop while Redis is away.
            logger.warning("%s of %s left pending: %s", delivery.type, delivery.order_id, error)
        except Exception:
            # Settling itself failed. The lease lapses, and it is tried again as an attempt.
            logger.exception("%s of %s left pending", delivery.type, delivery.order_id)
        finally:
            del self._tasks[delivery.place]
            self._in_flight.drop(delivery)
            self._settling.drop(delivery)

    async def _work(self, step: Step) -> None:
        """Bring the order as far as this group does, step after step, on one delivery."""
        delivery = step.delivery
        event, attempt = await self._read(delivery, delivery.raw), delivery.attempt
        while event is not None:
            step.event, step.attempt = event, attempt
            following = await self._following(delivery, event, attempt)
            if following is None:
                return
            event, attempt = await self._settle(delivery, event, following), 1
            if event is None or self._leaving:
                return  # Another replica goes on from here.
            self._in_flight.move(delivery, idle=type(event).__name__ in self._waits_on)

    async def _read(self, delivery: Delivery, raw: bytes) -> OrderEvent | None:
        try:
            return decode(raw)
        except MalformedEvent as error:
            await self._attempts.bury(delivery, str(error))
            return None

    async def _following(self, delivery: Delivery, event: OrderEvent, attempt: int) -> Next | None:
        if not delivery.entry_id and type(event).__name__ not in self._when_due:
            return ()  # A parked order that was moved on elsewhere.
        if self._in_flight.idle > _MOST_IDLE * self._settings.max_in_flight:
            return _OVERFLOW
        return await self._attempts.follow(delivery, event, attempt)

    async def _settle(
        self, delivery: Delivery, event: OrderEvent, following: Next
    ) -> OrderEvent | None:
        """Put on the log what follows; return the event to go on from, if this group does."""
        last = last_of(following)
        name = type(last).__name__
        goes_on = name in self._handles
        settled = await self._settling.settle(
            delivery,
            event,
            following,
            carry_on=goes_on,
            announce=goes_on and name in self._announces and not self._leaving,
        )
        if settled.outcome == "ok":
            return last if goes_on else None
        return await self._overtaken(delivery, await self._attempts.refused(delivery, settled))

    async def _overtaken(self, delivery: Delivery, last: bytes) -> OrderEvent | None:
        # Who moved the order on may have been a replica that lost its lease of this very trigger:
        # as long as the trigger is ours, it is ours to go on.
        event = await self._read(delivery, last) if last else None
        if event is None or type(event).__name__ in self._handles:
            return event
        await self._attempts.let_go(delivery)
        return None


def _is_for_others(delivery: Delivery, handled: Collection[str]) -> bool:
    # An event that nobody knows yet may be ours once this replica is a newer one: it becomes a
    # dead letter rather than nobody's.
    known = delivery.type in EVENT_TYPES or not delivery.type
    return delivery.for_others or (known and delivery.type not in handled)


def _names(kinds: Iterable[type[OrderEvent]]) -> set[str]:
    return {kind.__name__ for kind in kinds}
