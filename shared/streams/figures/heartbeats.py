"""Heartbeats of all replicas: who there is, and what they all have counted in each second.

A second is one of Redis's clock. Counts of a second are kept for three minutes, replicas for an
hour since they were seen last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from shared.streams.redis.client import Client
from shared.streams.redis.scripts import Script

MOST_SECONDS: Final = 120
# It takes a megabyte at most, and is wanted most when Redis is full.
_BEAT = Script.load(__package__, "lua/heartbeat.lua", when_full=True)
_READ = Script.load(__package__, "lua/heartbeats.lua")
_SECOND_KEPT_MS: Final = 180_000
_REMEMBERED_MS: Final = 3_600_000
_MOST_REPLICAS: Final = 1_000


class Noted(NamedTuple):
    """What a replica said of itself, and when it was seen last, in ms since 1970."""

    note: bytes
    seen_ms: int


class Found(NamedTuple):
    """The time in ms since 1970, counts by field of each second that is over, replicas by name."""

    now_ms: int
    counts: Mapping[int, Mapping[str, int]]
    replicas: Mapping[str, Noted]


class Heartbeats:
    """Each call takes one round trip, and raises `LogUnavailable`."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        # One hash tag: a script touches all.
        self._keys = [f"{namespace}:{{flow}}:{part}" for part in ("replicas", "seen", "second:")]

    async def beat(self, name: str, note: bytes, counts: Mapping[str, int]) -> int:
        """Note that a replica lives, and add what it counted; return Redis's time in ms.

        One with an empty note leaves, and is forgotten.
        """
        args: list[Any] = [name, note, _REMEMBERED_MS, _MOST_REPLICAS, _SECOND_KEPT_MS]
        args += (part for pair in counts.items() for part in pair)
        return int(await self._client.call(*_BEAT.command(self._keys, args)))

    async def read(self, behind_s: int = 0) -> Found:
        """Return every replica, and the counts of the last two minutes behind a second."""
        command = _READ.command(self._keys, [behind_s, MOST_SECONDS])
        now_ms, counts, notes, seen = await self._client.call(*command)
        seen_ms = {name: int(float(ms)) for name, ms in _pairs(seen)}
        return Found(
            now_ms,
            {second: _counts(flat) for second, flat in _pairs(counts)},
            {
                name.decode(): Noted(note, seen_ms[name])
                for name, note in _pairs(notes)
                if name in seen_ms
            },
        )


def _counts(flat: Sequence[bytes]) -> dict[str, int]:
    return {field.decode(): int(count) for field, count in _pairs(flat)}


def _pairs(flat: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
