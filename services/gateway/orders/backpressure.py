"""Close intake while more waits than can be kept safely, and open it again by itself."""

from __future__ import annotations

import asyncio
import logging

from services.gateway.http.problems import Code, Problem
from shared.observability.metrics import INTAKE_CLOSED
from shared.settings import GatewaySettings
from shared.streams.consumer.backlog import backlog_of
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites
from shared.streams.redis.server_info import memory_percent

logger = logging.getLogger(__name__)

LOOK_S = 1.0


class Pressure:
    """Knows, as of about a second ago, whether another order should be taken in."""

    def __init__(self, log: Log, settings: GatewaySettings, lost_writes: LostWrites) -> None:
        self._log = log
        self._lost_writes = lost_writes
        self._max_backlog = settings.max_backlog
        self._max_memory_percent = settings.max_memory_percent
        self._too_much: dict[str, str] = {}  # Of what, and in words.

    def check(self) -> None:
        """Raise `Problem` while there is too much, or Redis has lost what it had."""
        if why := self._lost_writes.why():
            raise Problem(Code.LOG_UNAVAILABLE, why)
        for why in self._too_much.values():
            raise Problem(Code.OVERLOADED, why)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                self._judge(await self._backlog(), await memory_percent(self._log.client))
            except LogUnavailable as error:  # Then the log itself refuses what comes in.
                logger.warning("the backlog cannot be told: %s", error)
            await asyncio.sleep(LOOK_S)

    async def _backlog(self) -> int:
        routing = await backlog_of(self._log, "router")
        executing = await backlog_of(self._log, "executor")
        # What the executor was given may only wait for the chain; what it was not waits for it,
        # and its quotes go stale meanwhile.
        to_route = sum((part.lag or 0) + part.pending for part in routing)
        return max(to_route, sum(part.lag or 0 for part in executing))

    def _judge(self, backlog: int, memory: float) -> None:
        before, self._too_much = self._too_much, {}
        if backlog > self._max_backlog:
            self._too_much["backlog"] = f"{backlog} entries wait, more than {self._max_backlog}"
        if memory > self._max_memory_percent:
            most = self._max_memory_percent
            self._too_much["memory"] = f"Redis is {memory:.0f} % full, more than {most} %"
        for what in ("backlog", "memory"):
            INTAKE_CLOSED.labels(what).set(what in self._too_much)
        if bool(before) != bool(self._too_much):
            why = "; ".join(self._too_much.values())
            logger.warning("intake is %s", f"closed: {why}" if why else "open again")
