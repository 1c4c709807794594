"""How often something was done lately, counted in Redis by all replicas together."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterError, RedisClusterException, RedisError

from shared.streams.redis.error_mapping import unavailable
from shared.streams.redis.keys import Keys

# Counting is not worth a longer wait: whoever asks goes on without.
_DEADLINE_S = 0.5
_LOST = (RedisError, RedisClusterException, ClusterError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left. `reset_s` is the time until there is more, in seconds."""

    allowed: bool
    remaining: int
    reset_s: int


class RateLimits:
    """Counts in sliding windows, by the server's clock."""

    def __init__(self, redis_url: str, keys: Keys, *, clustered: bool) -> None:
        # A connection of its own: the log's knows only the log's commands.
        self._redis = _client(redis_url, clustered=clustered)
        storage = _Storage(self._redis, f"{keys.namespace}:rate")
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def spend(self, limit: RateLimitItem, who: str, cost: int) -> Allowance:
        """Count `cost` if all of it is within the limit; else count nothing.

        Raises `LogUnavailable` when Redis does not answer soon, or refuses.
        """
        try:
            async with asyncio.timeout(_DEADLINE_S):
                allowed = await self._limiter.hit(limit, who, cost=cost)
                stats = await self._limiter.get_window_stats(limit, who)
        except _LOST as error:
            raise unavailable(error, ("the counting of rates",), maybe_applied=True) from error
        reset_s = max(1, math.ceil(stats.reset_time - time.time()))
        return Allowance(allowed, stats.remaining, reset_s)

    async def close(self) -> None:
        """Give every connection back."""
        await self._redis.aclose()


def _client(url: str, *, clustered: bool) -> Redis | RedisCluster:
    # redis-py's own, for a library that brings its own commands.
    if clustered:
        return RedisCluster.from_url(url, socket_timeout=_DEADLINE_S)
    never = Retry(NoBackoff(), 0)
    client: Redis = Redis.from_url(url, socket_timeout=_DEADLINE_S, retry=never)
    return client


class _Storage(RedisStorage):
    """Counts over a client that is opened elsewhere: to one server or to a cluster."""

    def __init__(self, redis: Redis | RedisCluster, prefix: str) -> None:
        self._redis = redis
        # The address is not connected to.
        super().__init__("redis://", implementation="redispy", key_prefix=prefix)

    def configure_bridge(self) -> None:
        bridge: Any = self.bridge  # The library declares these only where it sets them.
        bridge.storage = self._redis
        bridge.connection_getter = lambda _readonly: self._redis
