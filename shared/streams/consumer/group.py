"""One replica's membership in a consumer group: reading, holding and letting go of entries."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import sub
from typing import Any

from shared.orders.dispatch import WORKERS
from shared.streams.consumer.deliveries import Delivery, Entries, due
from shared.streams.consumer.handler import Turn
from shared.streams.log.log import Log
from shared.streams.redis.client import checked, named
from shared.streams.redis.scripts import Command, Script

RETRY = "~retry"  # Holds the entries whose step failed, until their wait is over.

_TAKE = Script.load(__package__, "lua/take.lua", when_full=True)
_RENEW = Script.load(__package__, "lua/renew.lua", when_full=True)
_RESTART = Script.load(__package__, "lua/restart_waits.lua", when_full=True)
_HAND_BACK = Script.load(__package__, "lua/hand_back.lua")
_LEAVE = Script.load(__package__, "lua/leave.lua")
_BURY = Script.load(__package__, "lua/bury.lua", when_full=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What was taken over: entries and due orders, and due orders whose history is gone.

    `late_ms` is how long Redis took to come to the question, `back_ms` how far its clock
    has gone back since the last one, at least.
    """

    deliveries: list[Delivery]
    vanished: list[Turn]
    late_ms: float
    back_ms: float


class Group:
    """A consumer group as one replica, `me`, sees it."""

    def __init__(self, log: Log, name: str, me: str) -> None:
        self.log = log
        self.name = name
        self.me = me
        self.partitions = range(log.keys.partitions)
        # Of the loop's clock, by the server that was asked; unknown at first.
        self._ahead_ms: Sequence[float] = ()
        self._run = log.client.run
        self._works = name in WORKERS
        self._entries = Entries(name)

    def _stream(self, partition: int) -> str:
        return self.log.keys.stream(partition, self.name)

    def readers(self) -> list[list[int]]:
        """Return the partitions to read with one command: all, or one each in a cluster."""
        if self.log.client.clustered:
            return [[partition] for partition in self.partitions]
        return [list(self.partitions)]

    async def read(self, partitions: Sequence[int], count: int, block_ms: int) -> list[Delivery]:
        """Return up to `count` new entries a partition, waiting up to `block_ms` for the first.

        Raises `GroupMissing` when somebody deleted the group or its stream.
        """
        streams = [self._stream(partition) for partition in partitions]
        command = ("XREADGROUP", "GROUP", self.name, self.me, "COUNT", count, "BLOCK", block_ms)
        reply = await self.log.client.call(*command, "STREAMS", *streams, *(">" for _ in streams))
        at = {
            stream.encode(): partition
            for stream, partition in zip(streams, partitions, strict=True)
        }
        return [
            self._entries.delivery(at[stream], entry_id, fields, 1)
            for stream, entries in reply or ()
            for entry_id, fields in entries
        ]

    async def recover_own(self, held: Collection[tuple[int, str]]) -> list[Delivery]:
        """Return entries that are mine but that I do not know of: their reply was lost.

        They keep their count, because nobody has tried them.
        """
        query = [self._pending_command(p, self.me) for p in self.partitions]
        lost = [
            (partition, entry_id, deliveries)
            for partition, page in zip(self.partitions, await self._all(query), strict=True)
            for entry_id, _, _, deliveries in page
            if (partition, entry_id.decode()) not in held
        ]
        look: list[Command] = [("XRANGE", self._stream(p), i, i) for p, i, _ in lost]
        return [
            self._entries.delivery(partition, entry_id, entries[0][1], deliveries)
            for (partition, entry_id, deliveries), entries in zip(
                lost, await self._all(look), strict=True
            )
            if entries
        ]

    def _pending_command(
        self, partition: int, consumer: str, first: str = "-", last: str = "+"
    ) -> Command:
        return ("XPENDING", self._stream(partition), self.name, first, last, 10_000, consumer)

    async def claim(
        self, *, most: int, lease_ms: int | None, backoff_base_ms: int, backoff_cap_ms: int
    ) -> Claimed:
        """Take over up to `most` entries a partition that nobody works on.

        With `lease_ms` None only retries are taken: Redis was away, and the leases of others
        lapsed through no fault of theirs. The same goes for a question that Redis answers late.
        """
        clock_ms = asyncio.get_running_loop().time() * 1_000
        lease = "" if lease_ms is None or not self._ahead_ms else lease_ms
        asked_ms = clock_ms + max(self._ahead_ms, default=0.0)
        args = [self.name, self.me, lease, backoff_base_ms, backoff_cap_ms, most, asked_ms]
        args.append("latest" if self._works else "")
        keys, readers = self.log.keys, self.readers()
        replies = await self._all(
            _TAKE.command(
                [key for p in some for key in (self._stream(p), keys.due(p, self.name))],
                [*args, *(keys.history_prefix(p) for p in some)],
            )
            for some in readers
        )
        deliveries, vanished = [], []
        answered_ms = asyncio.get_running_loop().time() * 1_000
        ahead = [at_ms - answered_ms for at_ms, *_ in replies]
        late_ms = max(ahead) + answered_ms - asked_ms if self._ahead_ms else 0.0
        # Redis looked at its clock after it was asked. At first there is nothing to compare with.
        ahead_at_most = (at_ms - clock_ms for at_ms, *_ in replies)
        back_ms = max(map(sub, self._ahead_ms, ahead_at_most), default=0.0)
        self._ahead_ms = ahead
        for some, (at_ms, *taken) in zip(readers, replies, strict=True):
            for partition, (entries, orders) in zip(some, taken, strict=True):
                deliveries += [self._entries.again(partition, *entry) for entry in entries]
                deliveries += [due(partition, o, last) for o, length, last in orders if length]
                gone = [order_id.decode() for order_id, length, _ in orders if not length]
                vanished += [Turn(order_id, until_ms=at_ms + (lease_ms or 0)) for order_id in gone]
        return Claimed(deliveries=deliveries, vanished=vanished, late_ms=late_ms, back_ms=back_ms)

    async def restart_waits(self, lease_ms: int, *, back: bool) -> None:
        """Let begin anew what waits until a time that Redis's clock has gone back from.

        Without its being known to have gone `back` by a running replica, that is judged by the log.
        Safe to repeat.
        """
        keys, args = self.log.keys, [self.name, lease_ms, "back" if back else ""]
        await self._all(
            _RESTART.command([self._stream(p), keys.due(p, self.name)], args)
            for p in self.partitions
        )

    async def are_copied(self, deliveries: Iterable[Delivery]) -> bool:
        """Return whether entries are mine still, and on as many replicas as must have them.

        Each is looked for, since a batch may have been read from two servers, the first of which
        is dead. What is pending is on the log: replicas hear of the entry first.
        Raises `LogUnavailable`.
        """
        if not self.log.makes_copies:
            return True
        ids: dict[int, list[str]] = {}
        for delivery in sorted(deliveries, key=lambda one: _place_of(one.entry_id)):
            ids.setdefault(delivery.partition, []).append(delivery.entry_id)
        query = [self._pending_command(p, self.me, some[0], some[-1]) for p, some in ids.items()]
        pages, copied = await self.log.run(query)
        return copied and all(
            {entry_id.decode() for entry_id, *_ in checked(page)}.issuperset(some)
            for page, some in zip(pages, ids.values(), strict=True)
        )

    async def acknowledge(
        self, deliveries: Iterable[Delivery], first: Sequence[Command] = ()
    ) -> None:
        """Settle entries, in one round trip with the commands that are to run `first`."""
        by_partition: dict[int, list[str]] = {}
        for delivery in deliveries:
            by_partition.setdefault(delivery.partition, []).append(delivery.entry_id)
        await self._all(
            [
                *first,
                *(("XACK", self._stream(p), self.name, *ids) for p, ids in by_partition.items()),
            ]
        )

    async def renew(self, deliveries: Iterable[Delivery], lease_ms: int) -> int:
        """Keep the lease of what I work on; return how many entries others took."""
        entries: dict[int, list[str]] = {}
        orders: dict[int, list[str]] = {}
        for delivery in deliveries:
            kept = entries if delivery.entry_id else orders
            kept.setdefault(delivery.partition, []).append(delivery.place[1])
        keys = self.log.keys
        lost = await self._all(
            _RENEW.command(
                [self._stream(partition), keys.due(partition, self.name)],
                [
                    *(self.name, self.me, lease_ms, len(entries.get(partition, ()))),
                    *entries.get(partition, ()),
                    *orders.get(partition, ()),
                ],
            )
            for partition in entries.keys() | orders.keys()
        )
        return sum(len(ids) for ids in lost)

    async def retry_later(self, attempts: Iterable[tuple[Delivery, int]]) -> None:
        """Put entries aside to be tried again later; each with how often it was tried."""
        by_partition: dict[int, list[str | int]] = {}
        for delivery, tried in attempts:
            by_partition.setdefault(delivery.partition, []).extend((delivery.entry_id, tried))
        await self._all(
            _HAND_BACK.command([self._stream(partition)], [self.name, self.me, *entries])
            for partition, entries in by_partition.items()
        )

    async def bury(self, delivery: Delivery, reason: str) -> bool:
        """Make an entry a dead letter; False when it was settled meanwhile."""
        keys = [self._stream(delivery.partition), self.log.keys.dead(delivery.partition)]
        args = [self.name, delivery.entry_id, delivery.attempt, reason[:2_000]]
        [letter] = await self._all([_BURY.command(keys, args)])
        return bool(letter)

    async def unpark(self, order_ids: Iterable[str]) -> None:
        """Take orders off the parking: they ended."""
        keys = self.log.keys
        await self._all(
            ("ZREM", keys.due(keys.partition_of(order_id), self.name), order_id)
            for order_id in order_ids
        )

    async def leave(self) -> None:
        """Hand everything back, as if never delivered, and take my name off the group."""
        await self._drop(self.me, idle_ms=0)

    async def reap(self, idle_ms: int) -> list[str]:
        """Take the names of crashed replicas off the group; what they held is retried."""
        replies = await self._all(
            ("XINFO", "CONSUMERS", self._stream(p), self.name) for p in self.partitions
        )
        quiet = {
            fields[b"name"].decode()
            for page in replies
            for fields in map(named, page)
            if fields[b"idle"] >= idle_ms
        } - {RETRY, self.me}
        for name in quiet:
            await self._drop(name, idle_ms=idle_ms)
        return sorted(quiet)

    async def _drop(self, name: str, *, idle_ms: int) -> None:
        await self._all(
            _LEAVE.command([self._stream(p)], [self.name, name, idle_ms]) for p in self.partitions
        )

    async def _all(self, commands: Iterable[Command]) -> list[Any]:
        return [checked(reply) for reply in await self._run(list(commands))]


def _place_of(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)
