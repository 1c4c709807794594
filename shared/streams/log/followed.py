"""Which orders are followed right now, by any gateway."""

from __future__ import annotations

from collections.abc import Iterable

from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from shared.streams.redis.scripts import Script

_FOLLOWED = Script.load(__package__, "lua/followed.lua")
# As INFO says it; a server that does not is asked about each order.
_NO_CHANNEL = b"\r\npubsubshard_channels:0\r\n"
_AT_ONCE = 1_000  # Lua puts a call's arguments on a stack that holds 8,000.


class Following:
    """Tells which orders are followed. While nobody follows any, that is one short question."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._nobody = False  # Followed any of those last asked about.

    async def among(self, order_ids: Iterable[str]) -> set[str]:
        """Return those of the orders whose channel somebody has subscribed to.

        Who subscribes later finds in the history what is on the log by now. Raises
        `LogUnavailable`.
        """
        if self._nobody and not await self._anybody():
            return set()
        found = await self._ask(order_ids)
        self._nobody = not found
        return found

    async def _anybody(self) -> bool:
        client = self._log.client
        return client.clustered or _NO_CHANNEL not in await client.call("INFO", "stats")

    async def _ask(self, order_ids: Iterable[str]) -> set[str]:
        keys, client = self._log.keys, self._log.client
        by_slot: dict[int, list[str]] = {}
        for order_id in dict.fromkeys(order_ids):
            partition = keys.partition_of(order_id) if client.clustered else 0
            by_slot.setdefault(partition, []).append(order_id)
        parts = [
            ids[start : start + _AT_ONCE]
            for ids in by_slot.values()
            for start in range(0, len(ids), _AT_ONCE)
        ]
        answers = await client.run(
            [_FOLLOWED.command([keys.updates(i) for i in part], []) for part in parts]
        )
        return {
            part[place - 1]
            for part, places in zip(parts, answers, strict=True)
            for place in checked(places)
        }
