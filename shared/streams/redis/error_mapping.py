"""What the errors of redis-py and the words of a server mean: try later, or never."""

from __future__ import annotations

from typing import Any

from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.streams.errors import LogUnavailable

AWAY = (RedisConnectionError, RedisTimeoutError, RedisClusterException, ClusterError, OSError)

# Words of a node that has let a slot go: whoever holds it is to be asked.
_ELSEWHERE = (AskError, TryAgainError)

# The server says no before it does anything, and may say yes later: it is full, cannot write to
# disk, lacks replicas, became one itself, or is held up by a script.
_NOT_NOW = {"OOM", "MISCONF", "NOREPLICAS", "READONLY", "UNBLOCKED", "BUSY"}


def is_refused_for_now(why: str) -> bool:
    """Return whether a server's words mean that it did nothing but may do it later."""
    return why.split(" ", 1)[0] in _NOT_NOW


def is_away(reply: Any) -> bool:
    """Return whether a reply is an error that says that the server is away, or as good as away."""
    if isinstance(reply, ResponseError) and is_refused_for_now(reply.status_code or str(reply)):
        return True
    return isinstance(reply, (*AWAY, *_ELSEWHERE))


def unavailable(error: Exception, *, maybe_applied: bool = False) -> LogUnavailable:
    """Return what an error that says "away" is to us."""
    # Refused, redirected or never connected: then the command itself was not carried out.
    never_sent = isinstance(error, (ResponseError, BusyLoadingError)) or "connecting to" in str(
        error
    )
    return LogUnavailable(
        f"{type(error).__name__}: {error}", maybe_applied=maybe_applied or not never_sent
    )
