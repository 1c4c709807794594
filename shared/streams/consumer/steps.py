"""One event in, the next events out: how router and executor work.

A step is settled by one script: what follows is appended, and only if the order has not moved on.
The trigger stays pending while its holder carries on, and is acknowledged together with the last
event that this group adds. Three kinds of bad news: a refusal is an event, "not now"
is an exception, an unreadable entry is a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Sequence

from shared.concurrency.coalescer import Coalescer
from shared.errors import ServerAway
from shared.observability import metrics
from shared.observability.log_context import subject
from shared.orders.codec import MalformedEvent, decode
from shared.orders.events import (
    EVENT_TYPES,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFailed,
    OutcomeContradicted,
)
from shared.settings import ConsumerSettings
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Ended, Handler, Next, Park, Recall, Turn
from shared.streams.consumer.in_flight import InFlight
from shared.streams.consumer.missing_history import MissingHistory
from shared.streams.consumer.settling import Settling, last_of
from shared.streams.consumer.step import Step
from shared.streams.errors import HistoryMissing, LogUnavailable
from shared.streams.log.appends import Settled
from shared.streams.redis.retry import WaitForRedis

logger = logging.getLogger(__name__)


# What a group that looks back at ended orders still has to do when their history has left Redis.
_ENDS = {kind.__name__ for kind in (OrderFailed, OrderCancelled, OrderExpired, OutcomeContradicted)}

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
        self._handler = handler
        self._settings = settings
        self._missing_history = MissingHistory(group.name, ended, recall)
        self._handles = {kind.__name__ for kind in handler.handles}
        self._when_due = self._handles | {kind.__name__ for kind in handler.handles_when_due}
        self._waits_on = {kind.__name__ for kind in handler.waits_on}
        self._announces = {kind.__name__ for kind in handler.announces}
        self._in_flight = InFlight(settings.max_in_flight)
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._leaving = False
        self._settling = Settling(group, self.patience)
        self._put_aside = Coalescer(self._hand_all_back, batch=500)

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
            if delivery.entry_id and self._is_for_others(delivery):
                not_ours.append(delivery)
                continue
            self._in_flight.add(delivery, idle=delivery.type in self._waits_on)
            self._tasks[delivery.place] = self._loop.create_task(self._process(delivery))
        metrics.series(metrics.IN_FLIGHT, self._group.name, "work").set(self._in_flight.busy)
        metrics.series(metrics.IN_FLIGHT, self._group.name, "chain").set(self._in_flight.idle)
        return not_ours

    def _is_for_others(self, delivery: Delivery) -> bool:
        # An event that nobody knows yet may be ours once this replica is a newer one: it becomes
        # a dead letter rather than nobody's.
        known = delivery.type in EVENT_TYPES or not delivery.type
        return delivery.for_others or (known and delivery.type not in self._handles)

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
            event, attempt = await self._settle_step(delivery, event, following), 1
            if event is None or self._leaving:
                return  # Another replica goes on from here.
            self._in_flight.move(delivery, idle=type(event).__name__ in self._waits_on)

    async def _read(self, delivery: Delivery, raw: bytes) -> OrderEvent | None:
        try:
            return decode(raw)
        except MalformedEvent as error:
            await self._bury(delivery, str(error))
            return None

    async def _following(self, delivery: Delivery, event: OrderEvent, attempt: int) -> Next | None:
        if not delivery.entry_id and type(event).__name__ not in self._when_due:
            return ()  # A parked order that was moved on elsewhere.
        if self._in_flight.idle > _MOST_IDLE * self._settings.max_in_flight:
            return _OVERFLOW
        if attempt > self._settings.max_attempts:
            return self._give_up(event, "every replica that tried died or lost its lease")
        return await self._try(delivery, event, attempt)

    async def _try(self, delivery: Delivery, event: OrderEvent, attempt: int) -> Next | None:
        name = type(event).__name__
        started = time.perf_counter()
        try:
            following = await self._handler.handle(event)
        except ServerAway as error:
            metrics.WAITS.labels(self._group.name, type(error).__name__).inc()
            logger.warning("%s of %s waits: %s", name, event.order_id, error)
            await self._retry_later(delivery, tried=attempt - 1)
            return None
        except HistoryMissing:
            await self._without_history(delivery)
            return None
        except Exception as error:
            # The one broad except of the steps: whatever a handler raises is an attempt.
            if attempt < self._settings.max_attempts:
                metrics.RETRIES.labels(self._group.name).inc()
                logger.warning("%s of %s: attempt %d: %r", name, event.order_id, attempt, error)
                await self._retry_later(delivery, tried=attempt)
                return None
            logger.exception("%s of %s: giving up", name, event.order_id)
            return self._give_up(event, repr(error))
        spent = time.perf_counter() - started
        metrics.series(metrics.STEP_SECONDS, self._group.name, name).observe(spent)
        return following

    def _give_up(self, event: OrderEvent, why: str) -> Next:
        metrics.GIVE_UPS.labels(self._group.name).inc()
        return self._handler.give_up(event, why)

    async def _retry_later(self, delivery: Delivery, *, tried: int) -> None:
        # A parked order falls due again by itself, one lease from now.
        await self._settling.tell(delivery)
        if delivery.entry_id:
            await self._put_aside((delivery, tried))

    async def _hand_all_back(self, attempts: list[tuple[Delivery, int]]) -> list[None]:
        await self.patience(lambda: self._group.retry_later(attempts))
        return [None] * len(attempts)

    async def _settle_step(
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
        if settled.outcome != "ok":
            return await self._refused(delivery, settled)
        return last if goes_on else None

    async def _refused(self, delivery: Delivery, settled: Settled) -> OrderEvent | None:
        if settled.outcome == "missing":
            await self._without_history(delivery)
            return None
        metrics.series(metrics.SETTLED, self._group.name, settled.outcome).inc()
        if settled.outcome == "halted":
            await self._let_go(delivery)
            return None
        return await self._overtaken(delivery, settled.last)

    async def _overtaken(self, delivery: Delivery, last: bytes) -> OrderEvent | None:
        # Who moved the order on may have been a replica that lost its lease of this very trigger:
        # as long as the trigger is ours, it is ours to go on.
        event = await self._read(delivery, last) if last else None
        if event is None or type(event).__name__ in self._handles:
            return event
        await self.patience(lambda: self._group.acknowledge([delivery]))
        return None

    async def _let_go(self, delivery: Delivery) -> None:
        logger.error("order %s is halted, and left alone", delivery.order_id)
        if delivery.entry_id:
            await self.patience(lambda: self._group.acknowledge([delivery]))
        else:
            await self.patience(lambda: self._group.unpark([delivery.order_id]))

    async def _without_history(self, delivery: Delivery) -> None:
        if await self._missing_history.has_ended(delivery.order_id):
            if not delivery.entry_id:
                return  # It falls due again, and is recalled then.
            if delivery.type not in _ENDS:
                await self.patience(lambda: self._group.acknowledge([delivery]))
                return
            await self._missing_history.recall(Turn(delivery.order_id, delivery.entry_id))
        # Not tried at all: counted, the step would be given up as soon as its history is back.
        await self._retry_later(delivery, tried=delivery.attempt - 1)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        if not delivery.entry_id:
            logger.error("the history of parked order %s cannot be read", delivery.order_id)
            return
        if await self.patience(lambda: self._group.bury(delivery, reason)):
            metrics.DEAD_LETTERS.labels(self._group.name).inc()
            logger.error("entry %s is a dead letter: %s", delivery.place, reason)
