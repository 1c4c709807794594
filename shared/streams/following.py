"""Which orders are followed right now, by any gateway."""

from __future__ import annotations

from collections.abc import Iterable

from shared.streams.client import checked
from shared.streams.log import Log
from shared.streams.scripts import Script

_FOLLOWED = Script.load(__package__, "lua/followed.lua")
_AT_ONCE = 1_000  # Lua puts a call's arguments on a stack that holds 8,000.


async def followed(log: Log, order_ids: Iterable[str]) -> set[str]:
    """Return those of the orders whose channel somebody has subscribed to.

    Who subscribes later finds in the history what is on the log by now. Raises `LogUnavailable`.
    """
    by_slot: dict[int, list[str]] = {}
    for order_id in dict.fromkeys(order_ids):
        partition = log.keys.partition_of(order_id) if log.client.clustered else 0
        by_slot.setdefault(partition, []).append(order_id)
    parts = [
        ids[start : start + _AT_ONCE]
        for ids in by_slot.values()
        for start in range(0, len(ids), _AT_ONCE)
    ]
    questions = [_FOLLOWED.command([log.keys.updates(i) for i in part], []) for part in parts]
    answers = await log.client.run(questions)
    return {
        part[place - 1]
        for part, places in zip(parts, answers, strict=True)
        for place in checked(places)
    }
