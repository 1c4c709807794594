"""Entries that nobody could process: look at them, and give them back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from shared.streams.redis.scripts import Script

_ID = re.compile(r"([0-9]{2,4})/([0-9]{1,20}-[0-9]{1,20})")
_REPLAY = Script.load(__package__, "lua/replay.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An entry, and why a group gave it up. `id` is ``partition/entry``, as people type it.

    `raw` has an event a line; `type` is that of the last.
    """

    id: str
    group: str
    entry_id: str
    deliveries: int
    reason: str
    buried_at: datetime
    type: str
    order_id: str
    raw: bytes


async def dead_letters(log: Log, group: str | None = None, most: int = 1_000) -> list[DeadLetter]:
    """Return up to `most` dead letters a partition, oldest first; of one group, if given."""
    partitions = range(log.keys.partitions)
    replies = await log.client.run(
        [("XRANGE", log.keys.dead(p), "-", "+", "COUNT", most) for p in partitions]
    )
    letters = [
        _letter(partition, letter_id, fields)
        for partition, page in zip(partitions, replies, strict=True)
        for letter_id, fields in checked(page)
    ]
    letters.sort(key=lambda letter: letter.buried_at)
    return [letter for letter in letters if group in (None, letter.group)]


async def letters_kept(log: Log) -> tuple[int, datetime | None]:
    """Return how many dead letters there are, and when the oldest was buried.

    Raises `LogUnavailable`.
    """
    partitions = range(log.keys.partitions)
    lengths = await log.client.run([("XLEN", log.keys.dead(p)) for p in partitions])
    first = [("XRANGE", log.keys.dead(p), "-", "+", "COUNT", 1) for p in partitions]
    pages = filter(None, map(checked, await log.client.run(first)))
    oldest = min((_buried_at(page[0][0]) for page in pages), default=None)
    return sum(map(checked, lengths)), oldest


async def dead_letter(log: Log, letter_id: str) -> DeadLetter | None:
    """Return one dead letter, or None. Raises `ValueError` when `letter_id` is no such id."""
    partition, entry = _split(log, letter_id)
    page = await log.client.call("XRANGE", log.keys.dead(partition), entry, entry)
    return _letter(partition, *page[0]) if page else None


async def replay(log: Log, letter_id: str) -> bool:
    """Give a dead letter back to the one group that gave it up, once.

    False when it is not there any more. Raises `ValueError` when `letter_id` is no such id.
    """
    letter = await dead_letter(log, letter_id)
    if letter is None:
        return False
    partition, entry = _split(log, letter_id)
    keys = [log.keys.stream(partition, letter.group), log.keys.dead(partition)]
    [reply] = await log.client.run([_REPLAY.command(keys, [entry])])
    return bool(checked(reply))


def _split(log: Log, letter_id: str) -> tuple[int, str]:
    found = _ID.fullmatch(letter_id)
    if found is None or int(found[1]) >= log.keys.partitions:
        raise ValueError(f"{letter_id!r} is no dead letter's id; they look like 07/1700000000000-0")
    return int(found[1]), found[2]


def _letter(partition: int, letter_id: bytes, flat: Sequence[Any]) -> DeadLetter:
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    fields = dict(pairs)

    def text(name: bytes) -> str:
        return str(fields.get(name, b"").decode(errors="replace"))

    return DeadLetter(
        id=f"{partition:02}/{letter_id.decode()}",
        group=text(b"_group"),
        entry_id=text(b"_entry"),
        deliveries=int(text(b"_deliveries") or 0),
        reason=text(b"_reason"),
        buried_at=_buried_at(letter_id),
        type=text(b"type"),
        order_id=text(b"order"),
        raw=b"\n".join(value for name, value in pairs if name == b"event"),
    )


def _buried_at(letter_id: bytes) -> datetime:
    return datetime.fromtimestamp(int(letter_id.split(b"-")[0]) / 1_000, UTC)
