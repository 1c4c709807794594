"""Orders that nobody holds: find them in Redis, and put them back, once.

What was found is noted in Redis, so that every replica may look and only one puts back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.orders.codec import decode
from shared.orders.dispatch import ARCHIVES
from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from shared.streams.redis.scripts import Command, Script

_SUSPECT = Script.load(__package__, "lua/suspect.lua", when_full=True)
_PUT_BACK = Script.load(__package__, "lua/put_back.lua", when_full=True)

_KEEP_MS = 86_400_000  # What moved on is not looked at again, so its note goes by age.
_MOST_PENDING = 1_000  # Old entries of one group in one partition; more is an outage, not a loss.
_CLOCKS_APART_MS = 60_000  # Entries are named by Redis's clock, events by a service's.
_PAGE, _MOST_PAGES = 1_000, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanCandidate:
    """An order that may be nobody's: its version in Redis, and the group that acts next on it."""

    order_id: str
    version: int
    group: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """An order that is nobody's, and since when it is known to have rested."""

    candidate: OrphanCandidate
    since: bytes


async def next_histories(
    log: Log, cursors: Mapping[str, int], count: int
) -> tuple[dict[str, int], dict[str, bytes]]:
    """Go over the next `count` keys of each node.

    Return where to go on from, and the last event of each order that may not expire yet, by id.
    """
    further, keys = await log.client.scan(cursors, log.keys.histories, count)
    ttls = await log.client.run([("PTTL", key) for key in keys])
    # Most have ended: of those nothing more is asked.
    lasting = [key for key, ttl in zip(keys, ttls, strict=True) if checked(ttl) == -1]
    lasts = await log.client.run([("LINDEX", key, -1) for key in lasting])
    asked = zip(lasting, map(checked, lasts), strict=True)
    return further, {key.decode().rpartition(":")[2]: last for key, last in asked if last}


async def find_orphans(
    log: Log, candidates: Sequence[OrphanCandidate], rest_ms: int
) -> list[Orphan]:
    """Return those candidates that were noted `rest_ms` ago and nobody holds; note the others."""
    by_partition: dict[int, list[OrphanCandidate]] = {}
    for candidate in candidates:
        partition = log.keys.partition_of(candidate.order_id)
        by_partition.setdefault(partition, []).append(candidate)
    replies = await log.client.run(
        [_question(log, p, by_partition[p], rest_ms) for p in by_partition]
    )
    return [
        Orphan(candidate, since)
        for partition, answers in zip(by_partition.values(), replies, strict=True)
        for candidate, since in zip(partition, checked(answers), strict=True)
        if since
    ]


def _question(
    log: Log, partition: int, candidates: Sequence[OrphanCandidate], rest_ms: int
) -> Command:
    keys = log.keys
    args: list[str | int] = [keys.history_prefix(partition), keys.due_prefix(partition)]
    args += [rest_ms, _KEEP_MS, _MOST_PENDING, ARCHIVES]
    for candidate in candidates:
        args += [candidate.order_id, candidate.version, candidate.group]
    return _SUSPECT.command([keys.log(partition), keys.suspects(partition)], args)


async def is_on_stream(log: Log, order_id: str, raw: bytes) -> bool:
    """Return whether the stream has an entry of this event.

    Looked for near the time it happened; False when there is too much to look through.
    """
    stream = log.keys.log(log.keys.partition_of(order_id))
    happened_ms = int(decode(raw).at.timestamp() * 1_000)
    start = str(max(0, happened_ms - _CLOCKS_APART_MS))
    for _ in range(_MOST_PAGES):
        page = await log.client.call("XRANGE", stream, start, "+", "COUNT", _PAGE)
        if any(raw in fields for _, fields in page):
            return True
        if len(page) < _PAGE:
            return False
        start = f"({page[-1][0].decode()}"
    return False


async def redeliver(log: Log, orphan: Orphan, group: str, events: Sequence[bytes]) -> bool:
    """Give events that are in the history to one group anew; False when somebody was first."""
    return await _requeue(log, orphan, group, events)


async def restore(log: Log, orphan: Orphan, events: Sequence[bytes]) -> bool:
    """Add to the history the events that it lost; False when somebody was first."""
    return await _requeue(log, orphan, "", events)


async def _requeue(log: Log, orphan: Orphan, group: str, events: Sequence[bytes]) -> bool:
    order_id, keys = orphan.candidate.order_id, log.keys
    partition = keys.partition_of(order_id)
    names = [keys.stream(partition, group), keys.history(order_id), keys.suspects(partition)]
    args: list[str | int | bytes] = [order_id, orphan.candidate.version, orphan.since, group]
    for raw in events:
        args += [type(decode(raw)).__name__, raw]
    [done] = await log.client.run([_PUT_BACK.command(names, args)])
    return bool(checked(done))
