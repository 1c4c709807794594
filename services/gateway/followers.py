"""Everybody who follows an order on this gateway: one live link, healed from the history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import chain, islice

from services.gateway.follow import BROKEN, LEAVING, Follower, Update, public_history, read_update
from services.gateway.histories import Histories
from services.gateway.problems import Code, Problem
from shared.metrics import HEALED, RESUMES
from shared.orders.codec import MalformedEvent
from shared.settings import GatewaySettings
from shared.streams.errors import LogUnavailable
from shared.streams.log import Log
from shared.streams.updates import Updates

logger = logging.getLogger(__name__)

_HEALED_AT_ONCE = 200
WAVES = 10
LEAST_WAVE = 100


class Followers:
    """Hands each live update to whoever follows its order, and notices when one was missed."""

    def __init__(self, log: Log, histories: Histories, settings: GatewaySettings) -> None:
        self._log = log
        self._histories = histories
        self._room = settings.socket_queue
        self._check_s = settings.follow_check_s
        self._by_order: dict[str, set[Follower]] = {}
        self._missed: dict[str, str] = {}  # Orders to heal, and how it was noticed.
        self._wake = asyncio.Event()
        self.leaving = False
        self._updates = Updates(log, on_message=self._feed, on_gap=self._miss_all)

    @asynccontextmanager
    async def following(self, order_id: str, since: int) -> AsyncIterator[Follower]:
        """Follow an order from version `since` on, for as long as the context is open.

        Raises `Problem` when the order is unknown or cannot be looked up now.
        """
        follower = Follower(order_id, since, self._room)
        self._by_order.setdefault(order_id, set()).add(follower)
        try:
            # In this order: what happens after the subscription comes live, what happened
            # before it is in the history.
            await self._updates.subscribe(order_id)
            follower.catch_up(await self._history(order_id))
            if since:
                RESUMES.inc()
            if self.leaving:
                follower.close(LEAVING)
            yield follower
        except LogUnavailable:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None
        except MalformedEvent:
            logger.exception("order %s has an event that cannot be shown", order_id)
            raise Problem(Code.INTERNAL_ERROR) from None
        finally:
            await self._forget(follower)

    async def run(self) -> None:
        """Keep everybody up to date, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._updates.run(asyncio.Event()))
            group.create_task(self._heal_forever())
            group.create_task(self._check_forever())

    async def close_all(self, within_s: float) -> None:
        """Ask every client to go elsewhere, in waves, so that they do not all come at once."""
        self.leaving = True
        everybody = list(chain.from_iterable(self._by_order.values()))
        size = max(LEAST_WAVE, -(-len(everybody) // WAVES))
        for start in range(0, len(everybody), size):
            if start:
                await asyncio.sleep(within_s / WAVES)
            for follower in everybody[start : start + size]:
                follower.close(LEAVING)

    async def _forget(self, follower: Follower) -> None:
        followers = self._by_order[follower.order_id]
        followers.remove(follower)
        if not followers:
            del self._by_order[follower.order_id]
            await self._updates.unsubscribe(follower.order_id)

    def _feed(self, order_id: str, message: bytes) -> None:
        try:
            update = read_update(message)
        except MalformedEvent:
            self._miss(order_id, "unreadable")
            return
        for follower in self._by_order.get(order_id, ()):
            if not follower.feed(update):
                self._miss(order_id, "jump")

    def _miss(self, order_id: str, why: str) -> None:
        self._missed[order_id] = why
        self._wake.set()

    def _miss_all(self) -> None:
        for order_id in self._by_order:
            self._miss(order_id, "link")

    async def _heal_forever(self) -> None:
        while True:
            await self._wake.wait()
            batch = dict(islice(self._missed.items(), _HEALED_AT_ONCE))
            for order_id in batch:
                del self._missed[order_id]
            if not self._missed:
                self._wake.clear()
            heals = [self._heal(*missed) for missed in batch.items()]
            for failed in await asyncio.gather(*heals, return_exceptions=True):
                if failed:  # One order's trouble must not end the healing of all others.
                    logger.error("an order cannot be healed", exc_info=failed)

    async def _check_forever(self) -> None:
        while True:  # Nothing else reveals that the last update was lost.
            await asyncio.sleep(self._check_s)
            with suppress(LogUnavailable):  # The next look will do.
                await self._check()

    async def _check(self) -> None:
        order_ids = list(self._by_order)
        for order_id, version in zip(order_ids, await self._log.versions(order_ids), strict=True):
            positions = [f.position for f in self._by_order.get(order_id, ())]
            # No history in Redis means that the order has ended: the archive knows how.
            if positions and (version == 0 or min(positions) < version):
                self._miss(order_id, "check")

    async def _history(self, order_id: str) -> list[Update]:
        return [read_update(m) for m in public_history(await self._histories.read(order_id))]

    async def _heal(self, order_id: str, why: str) -> None:
        try:
            history = await self._history(order_id)
        except Problem as problem:
            logger.warning("order %s is not healed yet: %s", order_id, problem)
            return  # The next check will find it again.
        except MalformedEvent:
            logger.exception("order %s has an event that cannot be shown", order_id)
            for follower in self._by_order.get(order_id, ()):
                follower.close(BROKEN)
            return
        for follower in self._by_order.get(order_id, ()):
            before = follower.position
            follower.catch_up(history)
            if follower.position > before:
                HEALED.labels(why).inc()
