"""How far a group is behind, for metrics and for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared import metrics
from shared.streams.client import Command
from shared.streams.log import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How far a group is in one partition. Ages are in seconds."""

    partition: int
    lag: int | None  # Entries not given out yet; None where Redis cannot tell.
    pending: int
    oldest_pending_s: float
    parked: int


async def backlog_of(log: Log, group: str) -> list[Backlog]:
    """Return how far a group is in each partition; partitions without the group are left out."""
    partitions = range(log.keys.partitions)
    commands: list[Command] = []
    for partition in partitions:
        stream = log.keys.log(partition)
        commands.append(("XINFO", "GROUPS", stream))
        commands.append(("XPENDING", stream, group))
        commands.append(("ZCARD", log.keys.due(partition, group)))
    commands.append(("TIME",))
    *replies, (seconds, _) = await log.client.run(commands)
    found = []
    for partition in partitions:
        groups, pending, parked = replies[3 * partition : 3 * partition + 3]
        if isinstance(groups, Exception) or isinstance(pending, Exception):
            continue
        named = {fields[b"name"].decode(): fields for fields in map(_named, groups)}
        if group not in named:
            continue
        count, oldest = pending[0], pending[1]
        age_s = int(seconds) - int(oldest.split(b"-")[0]) / 1_000 if oldest else 0.0
        found.append(
            Backlog(
                partition=partition,
                lag=named[group].get(b"lag"),
                pending=count,
                oldest_pending_s=max(0.0, age_s),
                parked=parked,
            )
        )
    return found


async def report_backlog(log: Log, group: str) -> None:
    """Put a group's backlog into the metrics."""
    for part in await backlog_of(log, group):
        labels = (group, f"{part.partition:02}")
        if part.lag is not None:  # Absent, never 0: 0 would say that nothing waits.
            metrics.LAG.labels(*labels).set(part.lag)
        metrics.PENDING.labels(*labels).set(part.pending)
        metrics.OLDEST_PENDING.labels(*labels).set(part.oldest_pending_s)
        metrics.PARKED.labels(*labels).set(part.parked)


def _named(flat: Sequence[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
