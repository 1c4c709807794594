"""Heartbeats as this gateway knows them: read at most once a second, while anybody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from shared.concurrency.ticked import Ticked
from shared.observability.replicas import Note
from shared.streams.figures.heartbeats import MOST_SECONDS, Heartbeats
from shared.streams.log.log import Log

STALE_MS: Final = 15_000
_FRESH_S: Final = 1.0
_note = msgspec.json.Decoder(Note)


class Replica(NamedTuple):
    """A replica by its last heartbeat; `is_stale` once that is 15 s ago, by Redis's clock."""

    name: str
    note: Note
    seen_at: datetime
    is_stale: bool

    def shown(self) -> dict[str, Any]:
        """Return it as clients see it."""
        return {
            "service": self.note.service,
            "name": self.name,
            "version": self.note.version,
            "startedAt": self.note.started_at,
            "seenAt": self.seen_at,
            "state": "stale" if self.is_stale else "up",
            "loopDelayMs": self.note.loop_delay_ms,
            "rssBytes": self.note.rss_bytes,
        }


class Beats(NamedTuple):
    """Replicas by service and name, and the counts of each of the last 120 seconds, oldest first.

    The last one ended at `ends_at`.
    """

    ends_at: datetime
    counts: Sequence[Mapping[str, int]]
    replicas: Sequence[Replica]


class Pulse:
    """Tells what the heartbeats of all replicas say."""

    def __init__(self, log: Log) -> None:
        self._heartbeats = Heartbeats(log.client, log.keys.namespace)
        self._counts: dict[int, Mapping[str, int]] = {}
        self._read: Ticked[None, Beats] = Ticked(self._look, _FRESH_S)

    async def __call__(self) -> Beats:
        """Return what is known, at most a second old. Raises `LogUnavailable`."""
        return await self._read(None)

    async def _look(self, _key: None) -> Beats:
        found = await self._heartbeats.read(max(self._counts, default=0))
        ends = found.now_ms // 1_000
        seconds = range(ends - MOST_SECONDS, ends)
        # Should Redis's clock have gone back, those ahead of it are told again.
        known = self._counts | dict(found.counts)
        self._counts = {second: known[second] for second in seconds if second in known}
        replicas = [
            Replica(
                name,
                _note.decode(noted.note),
                datetime.fromtimestamp(noted.seen_ms / 1_000, UTC),
                found.now_ms - noted.seen_ms > STALE_MS,
            )
            for name, noted in found.replicas.items()
        ]
        replicas.sort(key=lambda replica: (replica.note.service, replica.name))
        return Beats(
            datetime.fromtimestamp(ends, UTC),
            [self._counts.get(second, {}) for second in seconds],
            replicas,
        )
