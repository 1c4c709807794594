"""Whole batches in, one acknowledgement out: how notifier and projector work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeAlias

from shared.concurrency.pause import backoff, pause
from shared.errors import ServerAway
from shared.observability import metrics
from shared.observability.log_context import about
from shared.orders.codec import MalformedEvent
from shared.settings import ConsumerSettings
from shared.streams.consumer.attempts import bury
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Turn
from shared.streams.consumer.in_flight import InFlight
from shared.streams.errors import LogUnavailable
from shared.streams.redis.retry import WaitForRedis
from shared.streams.redis.scripts import Command

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0

# Returns commands to run in one round trip with the settling of the batch. They run again when that
# reply is lost.
Handle: TypeAlias = Callable[[Sequence[Delivery]], Awaitable[Sequence[Command] | None]]


class HoldBack(Protocol):
    """Keeps some deliveries back for a later batch."""

    most: int

    def take(self, came: Sequence[Delivery], now_s: float) -> list[Delivery]:
        """Return what is to be handled now, of what came and what was kept; keep up to `most`."""
        ...

    def rest(self) -> list[Delivery]:
        """Return all that is kept, and keep it no longer."""
        ...


class Batches:
    """Hands everything that waits to the handler at once, one batch after the other.

    A batch that fails is split until the culprit stands alone. An undecodable entry becomes a
    dead letter; any other culprit is retried, for ever when `hold` is set.
    """

    def __init__(  # noqa: PLR0913 - each is needed, and none goes with another
        self,
        group: Group,
        handle: Handle,
        settings: ConsumerSettings,
        *,
        hold: bool,
        batch: int = 2_000,
        hold_back: HoldBack | None = None,
    ) -> None:
        """Hand over up to `batch` entries at once, while as many more wait.

        Beside those, `hold_back` keeps its own.
        """
        self.patience = WaitForRedis()
        self._batch = batch
        self._group = group
        self._handle = handle
        self._settings = settings
        self._hold = hold
        self._hold_back = hold_back
        self._in_flight = InFlight(2 * batch + (hold_back.most if hold_back else 0))
        self._waiting: list[Delivery] = []
        self._runner: asyncio.Task[None] | None = None

    def room(self) -> int:
        """Return how many more deliveries may wait: a batch at most."""
        return min(self._batch, self._in_flight.room())

    async def has_room(self, unless: asyncio.Event) -> None:
        """Return once more may wait, or `unless` is set."""
        await self._in_flight.has_room(unless)

    def held(self) -> Collection[Delivery]:
        """Return what waits or is being handled."""
        return self._in_flight.everything()

    def start(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Queue deliveries for the next batches; return those meant for another group.

        It is called again and again, also with none: what is kept too long is queued, too.
        """
        for_others, came = [], []
        for delivery in deliveries:
            if delivery.for_others:
                for_others.append(delivery)
            elif delivery not in self._in_flight:
                self._in_flight.add(delivery)
                came.append(delivery)
        metrics.series(metrics.IN_FLIGHT, self._group.name, "work").set(self._in_flight.busy)
        if self._hold_back:
            came = self._hold_back.take(came, asyncio.get_running_loop().time())
        self._queue(came)
        return for_others

    def _queue(self, deliveries: Sequence[Delivery]) -> None:
        self._waiting += deliveries
        if self._waiting and self._runner is None:
            self._runner = asyncio.create_task(self._run())

    async def forget(self, vanished: Sequence[Turn]) -> None:
        """Take orders off a parking that this group does not use."""
        await self._group.unpark([turn.order_id for turn in vanished])

    async def finish(self, within_s: float) -> None:
        """Finish the batches that wait, or leave them pending when the time is over."""
        if self._hold_back:
            self._queue(self._hold_back.rest())
        if self._runner:
            await asyncio.wait([self._runner], timeout=within_s)
        self.patience.given_up.set()
        if self._runner:
            self._runner.cancel()
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[: self._batch]
                self._waiting = self._waiting[self._batch :]
                try:
                    if await self._is_sure(batch):
                        await self._process(await self._without_poison(batch))
                except LogUnavailable as error:  # Told to stop while a server is away.
                    logger.warning("%d entries left pending: %s", len(batch), error)
                except Exception:
                    # Acknowledging itself failed. The lease lapses, and they are delivered again.
                    logger.exception("%d entries left pending", len(batch))
                finally:
                    for delivery in batch:
                        self._in_flight.drop(delivery)
        finally:
            self._runner = None

    async def _is_sure(self, batch: list[Delivery]) -> bool:
        """Return whether a failover cannot undo these entries; if it can, put them aside."""
        try:
            if await self._group.are_copied(batch):
                return True
            why = "not on enough replicas"
        except LogUnavailable as error:
            # A replica may have taken over that never had them: they are read anew.
            why = str(error)
        metrics.WAITS.labels(self._group.name, "NotCopied").inc()
        logger.warning("%d entries wait: %s", len(batch), why)
        untried = [(delivery, delivery.attempt - 1) for delivery in batch]
        await self.patience(lambda: self._group.retry_later(untried))
        return False

    async def _without_poison(self, batch: list[Delivery]) -> list[Delivery]:
        fresh = []
        for delivery in batch:
            if self._hold or delivery.attempt <= self._settings.max_attempts:
                fresh.append(delivery)
            else:
                await self._fail(delivery, RuntimeError("every replica that tried died"))
        return fresh

    async def _process(self, batch: list[Delivery]) -> None:
        try:
            last = await self._patiently(batch)
        except LogUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the culprit is found
            if len(batch) == 1:
                await self._fail(batch[0], error)
                return
            middle = len(batch) // 2
            await self._process(batch[:middle])
            await self._process(batch[middle:])
        else:
            await self.patience(lambda: self._group.acknowledge(batch, first=last or ()))

    async def _patiently(self, batch: list[Delivery]) -> Sequence[Command] | None:
        pauses = backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            try:
                return await self._handle(batch)
            except ServerAway as error:
                metrics.WAITS.labels(self._group.name, type(error).__name__).inc()
                logger.warning("%d entries wait: %s", len(batch), error)
                if self.patience.given_up.is_set():
                    raise LogUnavailable("told to stop", maybe_applied=False) from error
                await pause(self.patience.given_up, next(pauses))

    async def _fail(self, delivery: Delivery, error: Exception) -> None:
        group = self._group
        if isinstance(error, MalformedEvent) or not (
            self._hold or delivery.attempt < self._settings.max_attempts
        ):
            await bury(group, self.patience, delivery, repr(error))
            return
        metrics.RETRIES.labels(group.name).inc()
        if self._hold:
            metrics.PROJECTION_HELD.inc()
        logger.error(
            "entry %s cannot be handled yet: %r", delivery.place, error, extra=about(delivery)
        )
        await self.patience(lambda: group.retry_later([(delivery, delivery.attempt)]))
