"""Everybody who follows an order on this gateway: one live link, healed from the history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice

from services.gateway.access.callers import Caller
from services.gateway.following.outbox import LEAVING, REVOKED, Outbox
from services.gateway.following.position import (
    FollowPosition,
    Render,
    plain,
    read_update,
    updates_in,
)
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.histories import Histories
from shared.observability.log_context import about
from shared.observability.metrics import HEALED, RESUMES
from shared.orders.codec import MalformedEvent
from shared.settings import GatewaySettings
from shared.streams.errors import LogUnavailable
from shared.streams.log.live_updates import Updates
from shared.streams.log.log import Log

logger = logging.getLogger(__name__)

_HEALED_AT_ONCE = 200
WAVES = 10
LEAST_WAVE = 100


class UpdateHub:
    """Hands each live update to whoever follows its order, and notices when one was missed."""

    def __init__(self, log: Log, histories: Histories, settings: GatewaySettings) -> None:
        self._log = log
        self._histories = histories
        self._room = settings.socket_queue
        self._check_s = settings.follow_check_s
        self._clients: dict[Outbox, Caller] = {}
        self._by_order: dict[str, set[FollowPosition]] = {}
        self._missed: dict[str, str] = {}  # Orders to heal, and how it was noticed.
        self._wake = asyncio.Event()
        self.leaving = False
        self._updates = Updates(log, on_message=self._feed, on_gap=self._miss_all)

    @contextmanager
    def client(self, caller: Caller) -> Iterator[Outbox]:
        """Let a client in that may follow orders, for as long as the context is open."""
        outbox = Outbox(self._room)
        self._clients[outbox] = caller
        try:
            if self.leaving:
                outbox.close(LEAVING)
            if caller.revoked:  # Since it was let in.
                outbox.drop(REVOKED)
            yield outbox
        finally:
            del self._clients[outbox]

    def close_revoked(self) -> None:
        """Close every client whose key is no longer good."""
        for outbox, caller in self._clients.items():
            if caller.revoked:
                outbox.drop(REVOKED)

    @asynccontextmanager
    async def following(
        self, caller: Caller, order_id: str, since: int, render: Render = plain
    ) -> AsyncIterator[Outbox]:
        """Follow one order from version `since` to its end, for as long as the context is open.

        Raises `Problem` when the order is unknown to the caller, or cannot be looked up now.
        """
        with self.client(caller) as outbox:
            place = FollowPosition(order_id, since, outbox, render)
            try:
                [problem] = await self.join(caller, [place])
                if problem:
                    raise problem
                yield outbox
            finally:
                self.leave([place])

    async def join(self, caller: Caller, places: Sequence[FollowPosition]) -> list[Problem | None]:
        """Admit places to their orders, all in few round trips. They stay until they `leave`.

        Return what is wrong with each, if anything: its order is unknown to the caller, or
        cannot be looked up now.
        """
        for place in places:
            self._by_order.setdefault(place.order_id, set()).add(place)
        # In this order: what happens after the subscription comes live, what happened before
        # it is in the history.
        try:
            await self._updates.subscribe(*{place.order_id for place in places})
        except LogUnavailable:
            return [Problem(Code.HISTORY_UNAVAILABLE) for _ in places]
        if len(places) == 1:
            return [await self._admit(caller, places[0])]
        return await asyncio.gather(*(self._admit(caller, place) for place in places))

    def leave(self, places: Iterable[FollowPosition]) -> None:
        """Let go of places, whether they were admitted or not."""
        for place in places:
            at_order = self._by_order.get(place.order_id, set())
            at_order.discard(place)
            if not at_order and self._by_order.pop(place.order_id, None) is not None:
                self._updates.unsubscribe(place.order_id)

    async def run(self) -> None:
        """Keep everybody up to date, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._updates.run(asyncio.Event()))
            group.create_task(self._heal_forever())
            group.create_task(self._check_forever())

    async def close_all(self, within_s: float) -> None:
        """Ask every client to go elsewhere, in waves, so that they do not all come at once."""
        self.leaving = True
        everybody = list(self._clients)
        size = max(LEAST_WAVE, -(-len(everybody) // WAVES))
        for start in range(0, len(everybody), size):
            if start:
                await asyncio.sleep(within_s / WAVES)
            for outbox in everybody[start : start + size]:
                outbox.close(LEAVING)

    async def _admit(self, caller: Caller, place: FollowPosition) -> Problem | None:
        resumes = place.position > 0
        try:
            history = await self._histories.read_for(caller, place.order_id)
            complete = place.admit(updates_in(history))
        except Problem as problem:
            return problem
        except MalformedEvent as error:
            return _cannot_show(place.order_id, error)
        if resumes:
            RESUMES.inc()
        if not complete:
            self._miss(place.order_id, "jump")
        return None

    def _at(self, order_id: str) -> list[FollowPosition]:
        return list(self._by_order.get(order_id, ()))  # A place may leave when it is fed.

    def _feed(self, order_id: str, message: bytes) -> None:
        try:
            update = read_update(message)
        except MalformedEvent:
            self._miss(order_id, "unreadable")
            return
        for place in self._at(order_id):
            if not place.feed(update):
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
            healed = await asyncio.gather(*heals, return_exceptions=True)
            for order_id, failed in zip(batch, healed, strict=True):
                if failed:  # One order's trouble must not end the healing of all others.
                    logger.error(
                        "order %s cannot be healed",
                        order_id,
                        exc_info=failed,
                        extra=about(order_id),
                    )

    async def _check_forever(self) -> None:
        while True:  # Nothing else reveals that the last update was lost.
            await asyncio.sleep(self._check_s)
            with suppress(LogUnavailable):  # The next look will do.
                await self._check()

    async def _check(self) -> None:
        order_ids = list(self._by_order)
        for order_id, version in zip(order_ids, await self._log.versions(order_ids), strict=True):
            positions = [place.position for place in self._at(order_id) if place.admitted]
            # No history in Redis means that the order has ended: the archive knows how.
            if positions and (version == 0 or min(positions) < version):
                self._miss(order_id, "check")

    async def _heal(self, order_id: str, why: str) -> None:
        try:
            history = updates_in(await self._histories.read(order_id))
        except Problem as problem:
            logger.warning(
                "order %s is not healed yet: %s", order_id, problem, extra=about(order_id)
            )
            return  # The next check will find it again.
        except MalformedEvent as error:
            broken = _cannot_show(order_id, error)
            for place in self._at(order_id):
                if place.admitted:  # The others are told by whoever lets them in.
                    place.finish(broken)
            return
        for place in self._at(order_id):
            if place.heal(history):
                HEALED.labels(why).inc()


def _cannot_show(order_id: str, error: MalformedEvent) -> Problem:
    logger.error(
        "order %s has an event that cannot be shown: %s", order_id, error, extra=about(order_id)
    )
    return Problem(Code.INTERNAL_ERROR)
