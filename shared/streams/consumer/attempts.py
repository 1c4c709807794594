"""Tell what comes of a step that cannot be done: a wait, another attempt, or giving it up."""

from __future__ import annotations

import logging
import time
from enum import Enum, auto

from shared.concurrency.coalescer import Coalescer
from shared.errors import ServerAway
from shared.observability import metrics
from shared.observability.log_context import about
from shared.orders.dispatch import LOOKED_BACK_AT
from shared.orders.events import OrderEvent
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Handler, Next, Turn
from shared.streams.consumer.missing_history import MissingHistory
from shared.streams.consumer.settling import Settling
from shared.streams.errors import HistoryMissing
from shared.streams.log.appends import Settled
from shared.streams.redis.retry import WaitForRedis

logger = logging.getLogger(__name__)

_LOOKED_BACK_AT = {kind.__name__ for kind in LOOKED_BACK_AT}


class Verdict(Enum):
    """What is to be done about a delivery whose step could not be done."""

    WAIT = auto()  # It comes again later, and has not been tried.
    RETRY = auto()  # It comes again later, the later the more often it was tried.
    GIVE_UP = auto()  # It was tried often enough.
    ASK_ARCHIVE = auto()  # The order may have ended and left Redis.
    RECALL = auto()  # It waits until the archive's copy of the history is back in Redis.
    LET_GO = auto()  # Nothing is left to do.
    LEAVE = auto()  # It falls due again by itself, and its history is recalled then.


def judge(error: Exception, attempt: int, most: int) -> Verdict:
    """Return what to do about a step that raised at its `attempt`th of at `most` so many."""
    match error:
        case ServerAway():
            return Verdict.WAIT
        case HistoryMissing():
            return Verdict.ASK_ARCHIVE
        case _:
            return Verdict.RETRY if attempt < most else Verdict.GIVE_UP


def judge_missing(delivery: Delivery, *, has_ended: bool) -> Verdict:
    """Return what to do without a history in Redis, if the archive has the order's end or not."""
    if not has_ended:
        return Verdict.WAIT
    if not delivery.entry_id:
        return Verdict.LEAVE
    return Verdict.RECALL if delivery.type in _LOOKED_BACK_AT else Verdict.LET_GO


class Attempts:
    """Tries the steps of one group, and deals with the deliveries that lead to no next event."""

    def __init__(
        self,
        group: Group,
        handler: Handler,
        most: int,
        settling: Settling,
        missing_history: MissingHistory,
    ) -> None:
        """Let `handler` try each step at `most` so often."""
        self._group = group
        self._handler = handler
        self._most = most
        self._settling = settling
        self._patience = settling.patience
        self._missing_history = missing_history
        self._put_aside = Coalescer(self._put_all_aside, batch=500)

    async def follow(self, delivery: Delivery, event: OrderEvent, attempt: int) -> Next | None:
        """Return what follows an event, or None once its delivery has been dealt with."""
        if attempt > self._most:
            return self._give_up(event, "every replica that tried died or lost its lease")
        started = time.perf_counter()
        try:
            following = await self._handler.handle(event)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is judged
            return await self._failed(delivery, event, attempt, error)
        spent = time.perf_counter() - started
        metrics.series(metrics.STEP_SECONDS, self._group.name, type(event).__name__).observe(spent)
        return following

    async def _failed(
        self, delivery: Delivery, event: OrderEvent, attempt: int, error: Exception
    ) -> Next | None:
        group, name, order_id = self._group.name, type(event).__name__, event.order_id
        match judge(error, attempt, self._most):
            case Verdict.WAIT:
                metrics.WAITS.labels(group, type(error).__name__).inc()
                logger.warning("%s of %s waits: %s", name, order_id, error)
                await self._come_again(delivery, tried=attempt - 1)
            case Verdict.RETRY:
                metrics.RETRIES.labels(group).inc()
                logger.warning("%s of %s: attempt %d: %r", name, order_id, attempt, error)
                await self._come_again(delivery, tried=attempt)
            case Verdict.ASK_ARCHIVE:
                await self._without_history(delivery)
            case _:
                logger.error("%s of %s: giving up", name, order_id, exc_info=error)
                return self._give_up(event, repr(error))
        return None

    def _give_up(self, event: OrderEvent, why: str) -> Next:
        metrics.GIVE_UPS.labels(self._group.name).inc()
        return self._handler.give_up(event, why)

    async def refused(self, delivery: Delivery, settled: Settled) -> bytes:
        """Return the event that the order has come to, if it is still the delivery's to go on.

        Otherwise, which is ``b""``, the delivery has been dealt with.
        """
        if settled.outcome == "missing":
            await self._without_history(delivery)
            return b""
        metrics.series(metrics.SETTLED, self._group.name, settled.outcome).inc()
        if settled.outcome == "halted":
            logger.error("order %s is halted, and left alone", delivery.order_id)
            await self.let_go(delivery)
        return settled.last

    async def _without_history(self, delivery: Delivery) -> None:
        has_ended = await self._missing_history.has_ended(delivery.order_id)
        verdict = judge_missing(delivery, has_ended=has_ended)
        if verdict is Verdict.LET_GO:
            await self.let_go(delivery)
        if verdict is Verdict.RECALL:
            await self._missing_history.recall(Turn(delivery.order_id, delivery.entry_id))
        if verdict in (Verdict.RECALL, Verdict.WAIT):
            # Counted, the step would be given up as soon as its history is back.
            await self._come_again(delivery, tried=delivery.attempt - 1)

    async def _come_again(self, delivery: Delivery, *, tried: int) -> None:
        # A parked order falls due again by itself, one lease from now.
        await self._settling.tell(delivery)
        if delivery.entry_id:
            await self._put_aside((delivery, tried))

    async def _put_all_aside(self, attempts: list[tuple[Delivery, int]]) -> list[None]:
        await self._patience(lambda: self._group.retry_later(attempts))
        return [None] * len(attempts)

    async def let_go(self, delivery: Delivery) -> None:
        """Settle a delivery of which nothing is left to do."""
        group = self._group
        if delivery.entry_id:
            await self._patience(lambda: group.acknowledge([delivery]))
        else:
            await self._patience(lambda: group.unpark([delivery.order_id]))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Make a dead letter of an entry that cannot be read; a parked order is none."""
        if delivery.entry_id:
            await bury(self._group, self._patience, delivery, reason)
        else:
            logger.error("the history of parked order %s cannot be read", delivery.order_id)


async def bury(group: Group, patience: WaitForRedis, delivery: Delivery, reason: str) -> None:
    """Make a dead letter of an entry, and count it unless it was settled meanwhile."""
    if await patience(lambda: group.bury(delivery, reason)):
        metrics.DEAD_LETTERS.labels(group.name).inc()
        logger.error("entry %s is a dead letter: %s", delivery.place, reason, extra=about(delivery))
