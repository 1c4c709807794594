"""How far each consumer group is behind, over all partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.orders.dispatch import GROUPS
from shared.streams.consumer.backlog import Backlog, backlog_of, undelivered_s
from shared.streams.log.log import Log


class GroupNow(NamedTuple):
    """A group: `lag` entries are not given out yet, None where nobody can tell; the others are.

    Ages are those of the oldest entry that is not given out, and of the oldest of all.
    """

    name: str
    lag: int | None
    pending: int
    undelivered_ms: int
    oldest_ms: int

    def shown(self) -> dict[str, Any]:
        """Return it as clients see it."""
        return {
            "name": self.name,
            "lag": self.lag,
            "pending": self.pending,
            "oldestMs": self.oldest_ms,
        }


async def groups_now(log: Log) -> list[GroupNow]:
    """Return how far all groups are. Raises `LogUnavailable`."""
    return list(await asyncio.gather(*(_group(log, name) for name in GROUPS)))


async def _group(log: Log, name: str) -> GroupNow:
    parts = await backlog_of(log, name)
    waits_s = max(await undelivered_s(log, name, parts), default=0.0)
    oldest_s = max([waits_s, *(part.oldest_pending_s for part in parts)])
    pending = sum(part.pending for part in parts)
    return GroupNow(name, _lag(parts), pending, round(1_000 * waits_s), round(1_000 * oldest_s))


def _lag(parts: Sequence[Backlog]) -> int | None:
    lags = [part.lag for part in parts]
    return None if None in lags else sum(filter(None, lags))
