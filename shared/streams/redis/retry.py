"""Waiting for a server that is away."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.concurrency.pause import backoff, pause
from shared.observability import metrics
from shared.streams.errors import LogUnavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_PAUSE_S = 2.0

_FIRST_PAUSE_S = 0.05


class WaitForRedis:
    """Waiting for Redis to come back, until told to give the wait up."""

    def __init__(self) -> None:
        self.given_up = asyncio.Event()

    async def __call__(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what `attempt` returns, repeating it for as long as Redis is away.

        Raises `LogUnavailable` only once the wait is given up.
        """
        pauses, told = backoff(_FIRST_PAUSE_S, LONGEST_PAUSE_S), ""
        while True:
            try:
                return await attempt()
            except LogUnavailable as error:
                if not told:
                    metrics.REDIS_AWAY.inc()
                if told != str(error):
                    told = str(error)
                    logger.warning("waiting for Redis: %s", told)
                if self.given_up.is_set():
                    raise
                await pause(self.given_up, next(pauses) * random.uniform(0.5, 1))  # noqa: S311 - jitter
