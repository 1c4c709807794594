"""Orders to which nothing is appended any more, because their history contradicts the archive.

A person settles each. Until then `append.lua` refuses whatever comes for them.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from shared.streams.redis.scripts import Script

# What makes room again, the projector, must not wait for room itself.
_HALT = Script.load(__package__, "lua/halt.lua", when_full=True)


async def halt(log: Log, order_ids: Iterable[str]) -> None:
    """Append nothing to these orders any more, and keep their histories. Safe to repeat.

    Raises `LogUnavailable`.
    """
    keys = log.keys
    by_partition: dict[int, list[str]] = {}
    for order_id in order_ids:
        by_partition.setdefault(keys.partition_of(order_id), []).append(order_id)
    commands = [
        _HALT.command([keys.halted(partition), *map(keys.history, some)], some)
        for partition, some in by_partition.items()
    ]
    for reply in await log.client.run(commands):
        checked(reply)


async def release(log: Log, order_id: str) -> bool:
    """Let the order go on; False when it was not halted. Raises `LogUnavailable`."""
    partition = log.keys.partition_of(order_id)
    return bool(await log.client.call("SREM", log.keys.halted(partition), order_id))


async def halted_counts(log: Log) -> list[int]:
    """Return how many orders are halted in each partition. Raises `LogUnavailable`."""
    partitions = range(log.keys.partitions)
    replies = await log.client.run([("SCARD", log.keys.halted(p)) for p in partitions])
    return [checked(reply) for reply in replies]
