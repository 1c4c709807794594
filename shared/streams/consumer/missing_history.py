"""Orders whose history is not in Redis: those that have ended, and those that were lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from shared.errors import ServerAway
from shared.observability import metrics
from shared.observability.log_context import about
from shared.orders.codec import decode
from shared.orders.dispatch import CONTINUES
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Ended, Recall, Turn
from shared.streams.redis.client import checked
from shared.streams.redis.scripts import Command, Script

_RECALL = Script.load(__package__, "lua/recall.lua", when_full=True)


@dataclass(frozen=True, slots=True)
class ArchivedHistories:
    """Puts histories back as the archive has them; `ttl_s` later they are gone again."""

    group: Group
    history: Callable[[str], Awaitable[list[bytes]]]
    ttl_s: int

    async def recall(self, turns: Collection[Turn]) -> None:
        """Put back those that are not in Redis, as long as the turn is the group's member's.

        One that has not come to the archive as a whole is not put back. Raises `ServerAway`.
        """
        histories = await asyncio.gather(*(self.history(turn.order_id) for turn in turns))
        commands = [
            self._command(turn, events)
            for turn, events in zip(turns, histories, strict=True)
            if events and type(decode(events[-1])) not in CONTINUES
        ]
        for reply in await self.group.log.client.run(commands):
            checked(reply)

    def _command(self, turn: Turn, events: Sequence[bytes]) -> Command:
        name, keys = self.group.name, self.group.log.keys
        partition = keys.partition_of(turn.order_id)
        return _RECALL.command(
            [keys.history(turn.order_id), keys.stream(partition, name), keys.due(partition, name)],
            [
                *(turn.order_id, name, self.group.me, turn.entry_id, turn.until_ms),
                *(self.ttl_s, *events),
            ],
        )


logger = logging.getLogger(__name__)


class MissingHistory:
    """Asks the archive about them on behalf of one group."""

    def __init__(self, group: str, ended: Ended, recall: Recall) -> None:
        """Ask by `ended` and `recall`, which are the archive's."""
        self._group = group
        self._ended = ended
        self._recall = recall

    async def forget(self, vanished: Sequence[Turn]) -> None:
        """Recall the histories of ended orders, for when they fall due again, one lease from now.

        What is missing otherwise stays, and is alarming.
        """
        try:
            ended = await self._ended([turn.order_id for turn in vanished])
            await self._recall([turn for turn in vanished if turn.order_id in ended])
        except ServerAway as error:
            logger.warning("parked orders without history, and no archive to ask: %s", error)
            return
        for order_id in {turn.order_id for turn in vanished} - ended:
            metrics.SETTLED.labels(self._group, "missing").inc()
            logger.error(
                "order %s is parked and its history is missing", order_id, extra=about(order_id)
            )

    async def has_ended(self, order_id: str) -> bool:
        """Return whether the archive has the order's end; if it has not, say why to wait."""
        try:
            ended = await self._ended([order_id])
        except ServerAway as error:
            metrics.WAITS.labels(self._group, type(error).__name__).inc()
            logger.warning("%s has no history, and no archive to ask: %s", order_id, error)
            return False
        outcome = "archived" if order_id in ended else "missing"
        metrics.series(metrics.SETTLED, self._group, outcome).inc()
        if order_id not in ended:
            logger.error("the history of order %s is missing", order_id)
        return order_id in ended

    async def recall(self, turn: Turn) -> None:
        """Put an ended order's history back into Redis for a while, unless a server is away."""
        with suppress(ServerAway):  # Then it comes again, and is recalled the next time.
            await self._recall([turn])
