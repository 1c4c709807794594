"""The log behind a place, read without a group, and with the proof that nothing is missing.

A place is the id of the last entry that was seen in a partition. While that entry is still there,
all that came behind it is, too: entries leave the log from its beginning only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from redis.exceptions import ResponseError

from shared.streams.log.log import Log
from shared.streams.redis.client import checked, named
from shared.streams.redis.scripts import Command

EntryId: TypeAlias = tuple[int, int]
Places: TypeAlias = tuple[EntryId, ...]  # One a partition.

START: EntryId = (0, 0)  # Before the first entry.
_LOOK_S = 0.1  # Between two looks at a cluster, where no command waits for several partitions.


class Entry(NamedTuple):
    """An entry of the log: its id, and its fields as Redis holds them."""

    id: EntryId
    fields: Sequence[bytes]


class Gone(Exception):
    """Some of what came behind a place is not on the log any more, in these partitions."""

    def __init__(self, partitions: Collection[int]) -> None:
        super().__init__(f"partitions {sorted(partitions)} do not go back so far")
        self.partitions = partitions


class Tail:
    """Reads what comes to the log. Its calls raise `LogUnavailable`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def end(self) -> Places:
        """Return the place behind all that is on the log."""
        partitions = range(self._log.keys.partitions)
        told = await self._look(partitions)
        return tuple(_last(told[p]) for p in partitions)

    async def wait(self, places: Places, within_s: float) -> Collection[int]:
        """Return the partitions in which something has come; after `within_s`, all of them.

        In a cluster, return all after a moment: there, reading is the only way to find out.
        """
        client, partitions = self._log.client, range(len(places))
        if client.clustered:
            await asyncio.sleep(min(within_s, _LOOK_S))
            return partitions
        block_ms = max(1, int(min(within_s, client.timeout_s / 2) * 1_000))
        streams = [self._log.keys.log(p) for p in partitions]
        ids = [text_of(place) for place in places]
        command = ("XREAD", "COUNT", 1, "BLOCK", block_ms, "STREAMS")
        found = await client.call(*command, *streams, *ids)
        at = {stream.encode(): p for p, stream in zip(partitions, streams, strict=True)}
        return [at[stream] for stream, _ in found] if found else partitions

    async def read(
        self, places: Mapping[int, EntryId], most: int, upto: Places | None = None
    ) -> dict[int, list[Entry]]:
        """Return up to `most` entries behind the place in each of some partitions.

        `upto` names the last entries to return. Raises `Gone` where it cannot be told that these
        are all there were, and `LogUnavailable` also while replicas lack them that must have them.
        """
        commands: list[Command] = []
        for partition, place in places.items():
            last = text_of(upto[partition]) if upto else "+"
            # From the place itself on: that it is there is the proof.
            commands.append(
                ("XRANGE", self._log.keys.log(partition), text_of(place), last, "COUNT", most + 1)
            )
        replies, copied = await self._log.run(commands)
        self._log.must_be_copied(copied)
        found, unproven = {}, []
        for (partition, place), reply in zip(places.items(), replies, strict=True):
            entries = [Entry(id_in(at), fields) for at, fields in checked(reply)]
            if entries and entries[0].id == place:
                del entries[0]
            else:
                unproven.append(partition)
            found[partition] = entries
        if unproven:
            await self._prove({p: places[p] for p in unproven})
        return found

    async def _prove(self, places: Mapping[int, EntryId]) -> None:
        told = await self._look(places)
        gone = [p for p, place in places.items() if not _is_whole(told[p], place)]
        if gone:
            raise Gone(gone)

    async def _look(self, partitions: Collection[int]) -> dict[int, dict[bytes, Any]]:
        streams = [self._log.keys.log(p) for p in partitions]
        replies = await self._log.client.run([("XINFO", "STREAM", stream) for stream in streams])
        return {p: _told(reply) for p, reply in zip(partitions, replies, strict=True)}


def text_of(place: EntryId) -> str:
    """Return an entry's id as Redis writes it."""
    return f"{place[0]}-{place[1]}"


def id_in(text: bytes) -> EntryId:
    """Return the id that Redis has written."""
    ms, _, seq = text.partition(b"-")
    return int(ms), int(seq)


def _told(reply: Any) -> dict[bytes, Any]:
    if isinstance(reply, ResponseError) and "no such key" in str(reply):
        return {}  # Nothing was ever on it, or Redis came back empty.
    return named(checked(reply))


def _last(told: Mapping[bytes, Any]) -> EntryId:
    return id_in(told[b"last-generated-id"]) if told else START


def _is_whole(told: Mapping[bytes, Any], place: EntryId) -> bool:
    if place == START:  # Whole where nothing has left it.
        return not told or bool(told[b"length"] == told[b"entries-added"])
    return _last(told) == place
