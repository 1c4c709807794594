"""Sums over all replicas, which halve with time, and notes of single ones, which are forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.streams.redis.client import Client
from shared.streams.redis.scripts import Script

_SCRIPT = Script.load(__package__, "lua/fading.lua")
_NOTED_MS = 15_000


class Found(NamedTuple):
    """Every sum by its field as it has faded, and every note by its field."""

    sums: Mapping[str, float]
    notes: Mapping[str, str]


class Fading:
    """One set of sums and notes. Both calls take one round trip, and raise `LogUnavailable`."""

    def __init__(self, client: Client, namespace: str, name: str, half_life_s: float) -> None:
        self._client = client
        # One hash tag: a script touches both.
        self._keys = [f"{namespace}:{{{name}}}:{part}" for part in ("sums", "notes")]
        self._half_life_ms = int(half_life_s * 1_000)

    async def add(self, additions: Mapping[str, float], notes: Mapping[str, str]) -> Found:
        """Add to sums, and note; a note counts for 15 s. Return all there is then."""
        args: list[Any] = [self._half_life_ms, _NOTED_MS, len(additions)]
        for pairs in (additions, notes):
            args += (part for pair in pairs.items() for part in pair)
        weight, sums, texts = await self._client.call(*_SCRIPT.command(self._keys, args))
        by_field = {field: float(value) / float(weight) for field, value in _pairs(sums) if field}
        return Found(by_field, dict(_pairs(texts)))

    async def read(self) -> Found:
        """Return all there is."""
        return await self.add({}, {})


def _pairs(flat: Sequence[bytes]) -> list[tuple[str, str]]:
    texts = [part.decode() for part in flat]
    return list(zip(texts[::2], texts[1::2], strict=True))
