"""Ended orders leave Redis. Here the history of one comes back, to be looked at or added to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from shared.streams.client import checked
from shared.streams.log import Log
from shared.streams.scripts import Script

_RECALL = Script.load(__package__, "lua/recall.lua", when_full=True)


@dataclass(frozen=True, slots=True)
class ArchivedHistories:
    """Puts histories back as the archive has them; `ttl_s` later they are gone again."""

    log: Log
    history: Callable[[str], Awaitable[list[bytes]]]
    ttl_s: int

    async def recall(self, order_ids: Collection[str]) -> None:
        """Put back those that are not in Redis. Raises `ServerAway`."""
        histories = await asyncio.gather(*map(self.history, order_ids))
        commands = [
            _RECALL.command([self.log.keys.history(order_id)], [self.ttl_s, *events])
            for order_id, events in zip(order_ids, histories, strict=True)
        ]
        for reply in await self.log.client.run(commands):
            checked(reply)
