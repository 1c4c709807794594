"""Ended orders leave Redis. Here the history of one comes back, to be looked at or added to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from shared.orders.codec import decode
from shared.orders.dispatch import CONTINUES
from shared.streams.group import Group
from shared.streams.handling import Turn
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
