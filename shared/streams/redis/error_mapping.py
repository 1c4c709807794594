"""What a server's no means, whichever server and wherever it comes from: one table.

Redis and Valkey begin an error with a word in capitals; `ERR` stands for everything else, which is
told apart by its text. In a script the same words reach whoever called it.

A server that refuses is waited for, also where it minds the password: rights and passwords are
changed in two places, one after the other, and services that ended in between would have to be
started again by hand or in a loop. Waiting is said in a line that names the command and what is
missing, and makes a service unready. `slipstream up` and `slipstream doctor` say it at once.
"""

from __future__ import annotations

import re
import time
from enum import Enum, auto
from typing import Any, NamedTuple

from redis.exceptions import ClusterError, RedisClusterException, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.observability import metrics
from shared.streams.errors import LogUnavailable, UnfitServer
from shared.streams.redis.scripts import Command, name_of

AWAY = (RedisConnectionError, RedisTimeoutError, RedisClusterException, ClusterError, OSError)


class Meaning(Enum):
    """What to do about a server's no."""

    WAIT = auto()  # It did nothing, and may do it later.
    UNFIT = auto()  # The same, but hardly ever: a service does not start on such a server.
    NO_GROUP = auto()  # A consumer group, or its stream, is gone.
    OURS = auto()  # Our mistake, or keys that a hand has changed: waiting mends nothing.


class Known(NamedTuple):
    """What is known about an error. `advice` is for whoever runs the server."""

    meaning: Meaning
    advice: str = ""


_RIGHT = "give the user of REDIS_URL that right"
_OLD = "REDIS_URL needs Redis 7.0 or Valkey 8.0, or newer, with none of its commands taken away"
_REPLICA = "it is a replica: REDIS_URL must lead to the primary"
_MOVING = "a slot is on its way, or on a node that is down"

BY_CODE = {
    # Who asks.
    "NOPERM": Known(Meaning.WAIT, _RIGHT),
    "NOAUTH": Known(Meaning.WAIT, "REDIS_URL needs a password"),
    "WRONGPASS": Known(Meaning.WAIT, "REDIS_URL has a wrong name or password, or its user is off"),
    "DENIED": Known(Meaning.WAIT, "give the server a password, or turn protected-mode off"),
    # How the server is.
    "OOM": Known(Meaning.WAIT, "it is full: raise maxmemory, then see what fills it"),
    "MISCONF": Known(Meaning.WAIT, "it cannot write to its disk"),
    "IOERR": Known(Meaning.WAIT),
    "LOADING": Known(Meaning.WAIT),
    "BUSY": Known(Meaning.WAIT, "a script holds it up: SCRIPT KILL"),
    "UNBLOCKED": Known(Meaning.WAIT),
    "NOREPLICAS": Known(Meaning.WAIT, "it has fewer replicas than min-replicas-to-write"),
    "READONLY": Known(Meaning.WAIT, _REPLICA),
    "MASTERDOWN": Known(Meaning.WAIT, _REPLICA),
    "NOMASTERLINK": Known(Meaning.WAIT),
    "INPROG": Known(Meaning.WAIT),
    "NOGOODSLAVE": Known(Meaning.WAIT),
    "NOGOODPRIMARY": Known(Meaning.WAIT),
    "NOQUORUM": Known(Meaning.WAIT),
    "REDIRECT": Known(Meaning.WAIT, _REPLICA),
    "CLUSTERDOWN": Known(Meaning.WAIT),
    # Who else is to be asked.
    "MOVED": Known(Meaning.WAIT),
    "ASK": Known(Meaning.WAIT),
    "TRYAGAIN": Known(Meaning.WAIT),
    "NOPROTO": Known(Meaning.UNFIT, _OLD),
    "NOGROUP": Known(Meaning.NO_GROUP),
    # What was asked.
    "NOSCRIPT": Known(Meaning.OURS),  # `Client` has told it the script by then.
    "WRONGTYPE": Known(Meaning.OURS),
    "INVALIDOBJ": Known(Meaning.OURS),
    "BUSYGROUP": Known(Meaning.OURS),
    "BUSYKEY": Known(Meaning.OURS),
    "CROSSSLOT": Known(Meaning.OURS),
    "EXECABORT": Known(Meaning.OURS),
    "NOTBUSY": Known(Meaning.OURS),
    "UNKILLABLE": Known(Meaning.OURS),
    "NOSUB": Known(Meaning.OURS),
}
# After `ERR`, by what the text holds.
BY_TEXT = {
    "no such key": Known(Meaning.NO_GROUP),
    "max number of clients": Known(Meaning.WAIT, "raise maxclients"),
    "ACL failure in script": Known(Meaning.WAIT, _RIGHT),
    "on a stale replica": Known(Meaning.WAIT, _REPLICA),
    "Script killed by user": Known(Meaning.WAIT),
    "without any password configured": Known(Meaning.WAIT, "the server asks for no password"),
    "cluster is down": Known(Meaning.WAIT, _MOVING),
    "a slot not served": Known(Meaning.WAIT, _MOVING),
    "during rehashing": Known(Meaning.WAIT, _MOVING),
    "a non local key": Known(Meaning.WAIT, _MOVING),
    "unknown command": Known(Meaning.UNFIT, _OLD),
    "unknown subcommand": Known(Meaning.UNFIT, _OLD),
    "command called from script": Known(Meaning.UNFIT, _OLD),
    "Invalid command passed to": Known(Meaning.UNFIT, _OLD),
    "Error compiling script": Known(Meaning.UNFIT, _OLD),
    "DB index is out of range": Known(Meaning.UNFIT, "REDIS_URL names a database it has not"),
    "SELECT is not allowed": Known(Meaning.UNFIT, "in a cluster REDIS_URL must end with /0"),
}
_CODE = re.compile(r"-?([A-Z]{2,}) ")


def look_up(words: str) -> Known:
    """Return what a server's words mean.

    A word that nobody here knows is the trouble of a server, or of a proxy before it: wait.
    """
    found = _CODE.match(words)
    if found and found[1] != "ERR":
        return BY_CODE.get(found[1], Known(Meaning.WAIT))
    known = (known for text, known in BY_TEXT.items() if text.lower() in words.lower())
    return next(known, Known(Meaning.OURS))


def words_of(error: Exception) -> str:
    """Return a server's own words, of which redis-py takes the first away."""
    code, text = getattr(error, "status_code", None), str(error)
    return f"{code} {text}" if code and not text.startswith(f"{code} ") else text


def is_refused_for_now(words: str) -> bool:
    """Return whether a server's words mean that it did nothing but may do it later."""
    return look_up(words).meaning in (Meaning.WAIT, Meaning.UNFIT)


def is_away(reply: Any) -> bool:
    """Return whether a reply is an error that says that the server is away, or as good as away."""
    if isinstance(reply, ResponseError) and is_refused_for_now(words_of(reply)):
        return True
    return isinstance(reply, AWAY)


def names_no_group(reply: Exception) -> bool:
    """Return whether an error means that a consumer group or its stream is gone."""
    return look_up(words_of(reply)).meaning is Meaning.NO_GROUP


def unavailable(
    error: Exception, command: Command = (), *, maybe_applied: bool = False
) -> LogUnavailable:
    """Return what an error that says "away" is to us; `command` is what was asked."""
    if isinstance(error, ResponseError) or getattr(error, "status_code", None):
        return refusal(words_of(error), command, maybe_applied=maybe_applied)
    # Never connected: then the command itself was not carried out.
    never_sent = "connecting to" in str(error)
    kind = type(error).__name__
    return LogUnavailable(
        f"{kind}: {error}",
        maybe_applied=maybe_applied or not never_sent,
        told=f"it cannot be reached ({kind})",  # The library's words name hosts and ports.
    )


def refusal(words: str, command: Command = (), *, maybe_applied: bool = False) -> LogUnavailable:
    """Return what a server's words are to us that mean "not now"."""
    known = look_up(words)
    kind = UnfitServer if known.meaning is Meaning.UNFIT else LogUnavailable
    what = f" {name_of(command)}" if command else ""
    advice = f" ({known.advice})" if known.advice else ""
    detail = f"Redis refuses{what}: {words.strip()}{advice}"
    return kind(detail, maybe_applied=maybe_applied, refused=True)


class Refusals:
    """What a server has refused lately and has not done since, by the names of commands."""

    _FRESH_S = 10.0  # Whatever still matters is asked for again sooner.

    def __init__(self) -> None:
        self._whys: dict[str, tuple[str, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._whys)

    def note(self, command: Command, error: LogUnavailable) -> None:
        """Note what became of a command, if the server itself refused it."""
        if error.refused:
            metrics.REDIS_REFUSED.inc()
            self._whys[name_of(command)] = str(error), time.monotonic()

    def forget(self, command: Command) -> None:
        """Note that a command was carried out."""
        self._whys.pop(name_of(command), None)

    def why(self) -> str:
        """Return what was refused lately, in words; nothing when all is well. From any thread."""
        since = time.monotonic() - self._FRESH_S
        return next((why for why, at in list(self._whys.values()) if at > since), "")
