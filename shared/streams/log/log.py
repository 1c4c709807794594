"""The log: every event of every order, and the one way to add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from redis.exceptions import ResponseError

from shared.observability import metrics
from shared.orders.dispatch import GROUPS, READERS, WORKERS
from shared.settings import Settings
from shared.streams.errors import GroupMissing, LogUnavailable, WrongPartitions
from shared.streams.log.appends import Append, Outcome, Settled
from shared.streams.redis.client import Client, checked
from shared.streams.redis.error_mapping import is_refused_for_now, refusal
from shared.streams.redis.keys import Keys
from shared.streams.redis.scripts import Command, Script
from shared.streams.redis.server_info import must_be_fit
from shared.streams.redis.transport import Copies

_SETTLE = Script.load(__package__, "lua/append.lua", when_full=True)
_EXPIRE = Script.load(__package__, "lua/expire.lua", when_full=True)
_PUBLISH = Script.load(__package__, "lua/publish.lua")
_TRIM = Script.load(__package__, "lua/trim.lua")

_OK = Settled("ok")


class Log:
    """Every event of every order, spread over partitions."""

    def __init__(self, client: Client, keys: Keys, *, copies: Copies | None = None) -> None:
        """Copy each event to as many replicas as `copies` says before anybody hears of it."""
        self.client = client
        self.keys = keys
        self._copies = copies

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Connect, and make sure that the log and every group are there.

        Raises `LogUnavailable`, `UnfitServer`, or `WrongPartitions` when the log was made with
        another number.
        """
        client = await Client.connect(settings.redis_url, timeout_s=settings.redis_timeout_s)
        copies = None
        if settings.replicas_ack:
            copies = Copies(settings.replicas_ack, settings.replicas_ack_ms)
        keys = Keys(settings.namespace, settings.partitions)
        log = cls(client, keys, copies=copies)
        try:
            await must_be_fit(client)
            await log.prepare()
        except BaseException:
            await client.close()
            raise
        return log

    async def prepare(self) -> None:
        """Fix the number of partitions and create every group, before anything is read."""
        wanted = self.keys.partitions
        # Looked at before it is written: a full server takes no writes, and must be left again.
        found = await self.client.call("GET", self.keys.layout)
        if found is None:
            await self.client.call("SET", self.keys.layout, wanted, "NX")
            found = await self.client.call("GET", self.keys.layout)
        if int(found) != wanted:
            raise WrongPartitions(
                f"this log has {int(found)} partitions, PARTITIONS says {wanted}: "
                f"set PARTITIONS={int(found)}"
            )
        pairs = [(self.keys.stream(p, group), group) for p in range(wanted) for group in GROUPS]
        streams = sorted({stream for stream, _ in pairs})
        known = await self.client.run([("XINFO", "GROUPS", stream) for stream in streams])
        there = {
            (stream, fields[1].decode())  # Each group is a flat list, its name first.
            for stream, groups in zip(streams, known, strict=True)
            if not isinstance(groups, Exception)
            for fields in groups
        }
        # From 0: a group made late must still see every order.
        commands: list[Command] = [
            ("XGROUP", "CREATE", stream, group, "0", "MKSTREAM")
            for stream, group in pairs
            if (stream, group) not in there
        ]
        for reply in await self.client.run(commands):
            if isinstance(reply, Exception) and "BUSYGROUP" not in str(reply):
                raise reply

    async def append(self, group: str, appends: Sequence[Append]) -> list[Outcome]:
        """Append events, in one round trip, each only if its order has not moved on."""
        return [settled.outcome for settled in await self.settle(group, "", appends)]

    async def settle(self, group: str, me: str, appends: Sequence[Append]) -> list[Settled]:
        """Append what the steps of `me` decided, as `append` does. Safe to repeat."""
        items = []
        for append in appends:
            also: tuple[str, int | str] = ("", "")
            if append.park_ms is not None:
                also = ("park", append.park_ms)
            elif append.unpark:
                also = ("unpark", "")
            keep = "keep" if append.carry_on else ""
            item: list[Any] = [append.order_id, append.expected, append.entry_id, keep]
            item += (append.work_for, *also)
            item += (len(append.events), *append.written)
            due = self.keys.due(self.keys.partition_of(append.order_id), group) if also[0] else ""
            items.append((append.order_id, due, item))
        replies = await self._settle(group, me, items)
        return [
            _OK if reply == b"ok" else Settled(reply[0].decode(), *reply[2:]) for reply in replies
        ]

    async def _settle(
        self, group: str, me: str, items: Sequence[tuple[str, str, list[Any]]]
    ) -> list[Any]:
        batches = self.by_place([order_id for order_id, _, _ in items]).values()
        commands = []
        for batch in batches:
            keys: list[str] = []
            args: list[Any] = [group, me, len(batch)]
            for i in batch:
                order_id, third, item = items[i]
                partition = self.keys.partition_of(order_id)
                log = self.keys.log(partition)
                keys += (log, self.keys.history_prefix(partition) + order_id, third or log)
                args += item
            commands.append(_SETTLE.command(keys, args))
        replies: list[Any] = [None] * len(items)
        said, copied = await self.run(commands)
        for batch, answers in zip(batches, said, strict=True):
            for i, reply in zip(batch, checked(answers), strict=True):
                replies[i] = reply
        self.raise_errors("append.lua", replies)
        self.must_be_copied(copied)
        return replies

    @property
    def makes_copies(self) -> bool:
        """Return whether replicas must have an event before anybody hears of it."""
        return self._copies is not None

    async def run(self, commands: Sequence[Command]) -> tuple[list[Any], bool]:
        """Run commands, their keys first; return their replies, and whether replicas have it all.

        Raises `LogUnavailable`.
        """
        if self._copies is None:
            return await self.client.run(commands), True
        replies, copied = await self.client.run_copied(commands, self._copies)
        metrics.COPIES_MISSED.inc(not copied)
        return replies, copied

    def must_be_copied(self, copied: bool) -> None:
        """Raise `LogUnavailable` where replicas have not got what nobody may hear of before."""
        if not copied and self._copies:
            few = f"fewer than {self._copies.replicas} replicas have it"
            raise LogUnavailable(few, maybe_applied=True)

    def raise_errors(self, script: str, replies: Sequence[Any]) -> None:
        """Raise what a script's replies to its items mean, if some are errors."""
        errors = [reply[1].decode() for reply in replies if reply[0] == b"error"]
        for why in errors:
            if is_refused_for_now(why):
                # The server refuses an item before it writes anything of it.
                some_ran = len(errors) < len(replies)
                refused = refusal(why, (script,), maybe_applied=some_ran)
                self.client.refusals.note((script,), refused)
                raise refused
        if errors:
            raise ResponseError(errors[0])

    def place_of(self, order_id: str) -> int:
        """Return where an order goes: a script, and a clock, are for one place."""
        return self.keys.partition_of(order_id) if self.client.clustered else 0

    def by_place(self, order_ids: Sequence[str]) -> dict[int, list[int]]:
        """Return which of the orders, by number, go to which place.

        One script call for all on one server, one a partition in a cluster.
        """
        if order_ids and not self.client.clustered:
            return {0: list(range(len(order_ids)))}
        places: dict[int, list[int]] = {}
        for i, order_id in enumerate(order_ids):
            places.setdefault(self.keys.partition_of(order_id), []).append(i)
        return places

    async def history(self, order_ids: Sequence[str], since: int = 0) -> list[list[bytes]]:
        """Return each order's events after version `since`; nothing where Redis has none."""
        return _all(await self.client.run(self._histories(order_ids, since)))

    async def history_to_tell(self, order_ids: Sequence[str]) -> list[list[bytes]]:
        """Return histories as `history` does, once as many replicas as must have them.

        Raises `LogUnavailable` when they do not in time: a failover could take back what was told.
        """
        histories, copied = await self.run(self._histories(order_ids))
        self.must_be_copied(copied)
        return _all(histories)

    def _histories(self, order_ids: Sequence[str], since: int = 0) -> list[Command]:
        return [("LRANGE", self.keys.history(order_id), since, -1) for order_id in order_ids]

    async def first_events(self, order_ids: Sequence[str]) -> list[bytes]:
        """Return each order's first event; b"" where Redis has no history of it."""
        firsts: list[Command] = [("LINDEX", self.keys.history(i), 0) for i in order_ids]
        return [first or b"" for first in _all(await self.client.run(firsts))]

    async def versions(self, order_ids: Sequence[str]) -> list[int]:
        """Return each order's version; 0 where Redis has no history of it."""
        return _all(await self.client.run([("LLEN", self.keys.history(i)) for i in order_ids]))

    async def expire_histories(self, archived: Mapping[str, int], ttl_s: int) -> None:
        """Let histories go that the archive holds as a whole, up to the version given for each."""
        commands, order_ids = [], list(archived)
        for batch in self.by_place(order_ids).values():
            some = [order_ids[i] for i in batch]
            histories = [self.keys.history(order_id) for order_id in some]
            commands.append(_EXPIRE.command(histories, [ttl_s, *map(archived.get, some)]))
        _all(await self.client.run(commands))

    def publishing(self, messages: Sequence[tuple[str, bytes]]) -> list[Command]:
        """Return the commands that tell whoever follows the orders."""
        commands = []
        for batch in self.by_place([order_id for order_id, _ in messages]).values():
            channels = [self.keys.updates(messages[i][0]) for i in batch]
            commands.append(_PUBLISH.command(channels, [messages[i][1] for i in batch]))
        return commands

    async def trim(self, window_ms: int = 0, most: int = 0) -> int:
        """Drop what every group has acknowledged; return how many entries.

        Those of all events stay for `window_ms` more, as far as there are no more than `most` of
        them in a partition. Raises `GroupMissing` rather than drop what a group that is gone had
        not seen.
        """
        commands = []
        for p in range(self.keys.partitions):
            commands.append(_TRIM.command([self.keys.log(p)], [window_ms, most, *READERS]))
            commands += (
                _TRIM.command([self.keys.stream(p, group)], [0, 0, group]) for group in WORKERS
            )
        replies = _all(await self.client.run(commands))
        for _, said in replies:
            if said != b"ok":
                raise GroupMissing(f"{said.decode()} is gone; restart any service to make it anew")
        return sum(dropped for dropped, _ in replies)

    async def close(self) -> None:
        """Close every connection."""
        await self.client.close()


async def existing_log(client: Client, namespace: str) -> Log | None:
    """Return the log as it was made, or None where there is none. Raises `LogUnavailable`."""
    partitions = await client.call("GET", Keys(namespace, 1).layout)
    return Log(client, Keys(namespace, int(partitions))) if partitions else None


def _all(replies: Sequence[Any]) -> list[Any]:
    return [checked(reply) for reply in replies]
