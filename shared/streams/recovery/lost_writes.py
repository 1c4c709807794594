"""Whether Redis has lost what it had acknowledged: an old copy, or a replica that was behind.

The archive notes how far each partition is archived only after Redis was told, and Redis never
forgets that by itself. So a Redis that was told less than the archive says has lost its latest
writes, however much was appended since. One that was told nothing is a new one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple, TypeAlias

from shared.errors import ServerAway
from shared.observability import metrics
from shared.streams.errors import LogBehind
from shared.streams.log.epoch import begin_epoch
from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from shared.streams.redis.scripts import Script

logger = logging.getLogger(__name__)

EntryId: TypeAlias = tuple[int, int]
Positions: TypeAlias = Mapping[int, EntryId]
# Raises `LogBehind` while nothing may be begun that Redis may have forgotten.
MayAct: TypeAlias = Callable[[], Awaitable[None]]

_LOOK_S, _AWAY_S = 1.0, 3.0
_DEADLINE_S = 1.0
_FIRST_S = 10.0  # A server that was just started is slow, and may have an old copy.

# What makes room again, the projector, must not wait for room itself.
_ARCHIVED = Script.load(__package__, "lua/archived.lua", when_full=True)


async def always() -> None:
    """Allow everything."""


class Gap(NamedTuple):
    """A partition of which Redis was told that it is archived up to `told`, and has lost more."""

    partition: int
    told: EntryId
    archived: EntryId

    def __str__(self) -> str:
        return f"{self.partition:02}: {_text(self.told)}, not {_text(self.archived)}"


async def tell_archived(log: Log, before: Positions, reached: Positions) -> Collection[int]:
    """Tell Redis how far partitions are archived; return those for which that may be noted.

    `before` is what the archive says that it was told last. Raises `LogUnavailable`.
    """
    commands = [
        _ARCHIVED.command([log.keys.archived(p)], [_text(before.get(p)), _text(reached[p])])
        for p in reached
    ]
    replies, copied = await log.run(commands)
    agreed = [p for p, reply in zip(reached, replies, strict=True) if checked(reply)]
    return agreed if copied else ()


async def gaps(log: Log, archived: Positions) -> list[Gap]:
    """Return what Redis has lost. `archived` was read before. Raises `LogUnavailable`."""
    partitions = sorted(archived)
    told = await log.client.run([("GET", log.keys.archived(p)) for p in partitions])
    found = [
        Gap(partition, _entry_id(reply), archived[partition])
        for partition, reply in zip(partitions, map(checked, told), strict=True)
        if reply
    ]
    return [gap for gap in found if gap.told < gap.archived]


async def accept_loss(log: Log, archived: Positions) -> list[Gap]:
    """Let Redis go on with what it has left; return what it had lost. Raises `LogUnavailable`.

    Places on the log that were noted before are good no more: the archive has what was behind them.
    """
    lost = await gaps(log, archived)
    if lost:
        await begin_epoch(log)
    commands = [
        _ARCHIVED.command([log.keys.archived(gap.partition)], ["", _text(gap.archived)])
        for gap in lost
    ]
    for reply in await log.client.run(commands):
        checked(reply)
    return lost


class LostWrites:
    """Knows, as of about a second ago, whether Redis has lost what it had acknowledged.

    While a server cannot be asked, the last answer stands. At first nothing is lost.
    """

    def __init__(self, log: Log, archived: Callable[[], Awaitable[Positions]]) -> None:
        """Call `archived` for how far each partition is archived; it may raise `ServerAway`."""
        self._log = log
        self._archived = archived
        self._lost: list[Gap] = []
        self._losses_seen = -1
        self._was_told = False
        self._looking = asyncio.Lock()

    def why(self) -> str:
        """Return why nothing may be begun, in words; nothing when all is well."""
        if not self._lost:
            return ""
        first, *more = self._lost
        others = f" and {len(more)} more partitions" if more else ""
        return f"Redis has lost what it had acknowledged ({first}{others}): see `slipstream doctor`"

    async def may_act(self) -> None:
        """Return when something may be begun. Raises `LogBehind` while it may not.

        Looks first where nobody has yet, or Redis was away since: another one may answer now.
        """
        if self._losses_seen != self._log.client.losses:
            async with self._looking:
                if self._losses_seen != self._log.client.losses:
                    await self.look()
        if why := self.why():
            raise LogBehind(why)

    async def look(self) -> bool:
        """Ask both servers, for a second, at first for longer; return whether they told."""
        losses, told = self._log.client.losses, False
        try:
            async with asyncio.timeout(_DEADLINE_S if self._was_told else _FIRST_S):
                self._judge(await gaps(self._log, await self._archived()))
                self._was_told = told = True
        except (ServerAway, TimeoutError) as error:
            logger.debug("it cannot be told whether Redis has lost anything: %s", error)
        except Exception:
            # A guard must not end without a word, whatever it is not allowed to read.
            logger.exception("it cannot be told whether Redis has lost anything")
        self._losses_seen = losses
        return told

    async def watch(self) -> None:
        """Look again and again, until cancelled; less often while a server is away."""
        while True:
            told = await self.look()
            await asyncio.sleep(_LOOK_S if told else _AWAY_S)

    def _judge(self, lost: list[Gap]) -> None:
        was = self.why()
        self._lost = lost
        metrics.LOG_BEHIND.set(len(lost))
        if lost and not was:
            logger.error("%s", self.why())
        elif was and not lost:
            logger.warning("Redis has again what it had acknowledged, or the loss was accepted")


def _text(entry_id: EntryId | None) -> str:
    return f"{entry_id[0]}-{entry_id[1]}" if entry_id else ""


def _entry_id(text: bytes) -> EntryId:
    ms, _, seq = text.partition(b"-")
    return int(ms), int(seq)
