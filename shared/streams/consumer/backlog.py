"""How far a group is behind, for metrics and for people."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.observability import metrics
from shared.orders.dispatch import GROUPS
from shared.streams.consumer.group import RETRY
from shared.streams.errors import LogUnavailable
from shared.streams.log.halted_orders import halted_counts
from shared.streams.log.log import Log
from shared.streams.redis.client import checked, named
from shared.streams.redis.scripts import Command

_OF_GROUPS = (
    *(metrics.LAG, metrics.PENDING, metrics.OLDEST_PENDING),
    *(metrics.OLDEST_UNDELIVERED, metrics.PARKED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How far a group is in one partition. Ages are in seconds."""

    partition: int
    lag: int | None  # Entries not given out yet; None where Redis cannot tell.
    pending: int
    retrying: int  # Of the pending ones, those that wait to be tried again.
    oldest_pending_s: float
    parked: int
    last_delivered: str  # The entry that was given out last.


class GroupNow(NamedTuple):
    """A group over all partitions: `lag` entries are not given out, None where nobody can tell.

    Ages are those of the oldest entry that is not given out, and of the oldest of all.
    """

    name: str
    lag: int | None
    pending: int
    undelivered_ms: int
    oldest_ms: int


async def backlog_of(log: Log, group: str) -> list[Backlog]:
    """Return how far a group is in each partition; partitions without the group are left out."""
    partitions = range(log.keys.partitions)
    commands: list[Command] = []
    for partition in partitions:
        stream = log.keys.stream(partition, group)
        commands.append(("XINFO", "GROUPS", stream))
        commands.append(("XPENDING", stream, group))
        commands.append(("ZCARD", log.keys.due(partition, group)))
    commands.append(("TIME",))
    *replies, now = await log.client.run(commands)
    found = []
    for partition in partitions:
        groups, pending, parked = replies[3 * partition : 3 * partition + 3]
        if isinstance(groups, Exception) or isinstance(pending, Exception):
            continue
        by_name = {fields[b"name"].decode(): fields for fields in map(named, groups)}
        if group not in by_name:
            continue
        count, oldest, _, holders = pending
        found.append(
            Backlog(
                partition=partition,
                lag=by_name[group].get(b"lag"),
                pending=count,
                retrying=int(dict(map(tuple, holders or ())).get(RETRY.encode(), 0)),
                oldest_pending_s=_age_s(oldest, now) if oldest else 0.0,
                parked=parked,
                last_delivered=by_name[group][b"last-delivered-id"].decode(),
            )
        )
    return found


async def groups_now(log: Log) -> list[GroupNow]:
    """Return how far all groups are. Raises `LogUnavailable`."""
    return list(await asyncio.gather(*(_group_now(log, name) for name in GROUPS)))


async def _group_now(log: Log, name: str) -> GroupNow:
    parts = await backlog_of(log, name)
    waits_s = max(await _undelivered_s(log, name, parts), default=0.0)
    oldest_s = max([waits_s, *(part.oldest_pending_s for part in parts)])
    lags = [part.lag for part in parts]
    lag = None if None in lags else sum(filter(None, lags))
    pending = sum(part.pending for part in parts)
    return GroupNow(name, lag, pending, round(1_000 * waits_s), round(1_000 * oldest_s))


async def report_backlog(log: Log, group: str) -> None:
    """Put a group's backlog into the metrics; what cannot be told is absent there, never stale.

    Raises `LogUnavailable`.
    """
    try:
        parts = await backlog_of(log, group)
        undelivered = await _undelivered_s(log, group, parts)
    except LogUnavailable:
        for metric in _OF_GROUPS:
            metric.clear()
        raise
    for part, oldest_s in zip(parts, undelivered, strict=True):
        place = (group, f"{part.partition:02}")
        if part.lag is None:  # 0 would say that nothing waits.
            metrics.LAG.remove(*place)
        else:
            metrics.LAG.labels(*place).set(part.lag)
        metrics.OLDEST_UNDELIVERED.labels(*place).set(oldest_s)
        metrics.PENDING.labels(*place, "in_flight").set(part.pending - part.retrying)
        metrics.PENDING.labels(*place, "retry").set(part.retrying)
        metrics.OLDEST_PENDING.labels(*place).set(part.oldest_pending_s)
        metrics.PARKED.labels(*place).set(part.parked)


async def _undelivered_s(log: Log, group: str, parts: Sequence[Backlog]) -> list[float]:
    """Return the age of the first entry that was not given out, for each part; 0 without one."""
    commands: list[Command] = [
        (
            "XRANGE",
            log.keys.stream(part.partition, group),
            f"({part.last_delivered}",
            "+",
            "COUNT",
            1,
        )
        for part in parts
    ]
    *pages, now = await log.client.run([*commands, ("TIME",)])
    return [_age_s(page[0][0], now) if page else 0.0 for page in map(checked, pages)]


async def report_log(log: Log) -> None:
    """Put the length of the log, dead letters and halted orders into the metrics.

    Raises `LogUnavailable`.
    """
    partitions = range(log.keys.partitions)
    lengths = await log.client.run([("XLEN", log.keys.log(p)) for p in partitions])
    letters = await log.client.run([("XLEN", log.keys.dead(p)) for p in partitions])
    halted = await halted_counts(log)
    for partition in partitions:
        metrics.LOG_ENTRIES.labels(f"{partition:02}").set(checked(lengths[partition]))
        metrics.DEAD_LETTERS_KEPT.labels(f"{partition:02}").set(checked(letters[partition]))
        metrics.ORDERS_HALTED.labels(f"{partition:02}").set(halted[partition])


def _age_s(entry_id: bytes, now: Sequence[bytes]) -> float:
    seconds, microseconds = now
    made_ms = int(entry_id.split(b"-")[0])
    return max(0.0, int(seconds) + int(microseconds) / 1_000_000 - made_ms / 1_000)
