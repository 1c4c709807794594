"""What is there before anything is made: for commands that look and do not touch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.streams.errors import LogUnavailable, UnfitServer
from shared.streams.redis.client import Client

OLDEST = {"Redis": (7, 0), "Valkey": (8, 0)}
_SETTINGS = ("appendonly", "appendfsync", "maxmemory-policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """Which server answers, and how it keeps what it is given.

    `settings` lacks those that the server does not tell, as hosted ones may.
    """

    product: str
    version: str
    settings: Mapping[str, str]
    now: datetime


async def must_be_fit(client: Client) -> None:
    """Raise `UnfitServer` when the server is too old, and `LogUnavailable`."""
    said = _facts(await client.call("INFO", "server")).get("redis_version", "")
    version = tuple(map(int, re.findall(r"\d+", said)[:2]))
    if version and version < OLDEST["Redis"]:
        detail = f"Redis {said} is too old: REDIS_URL needs Redis 7.0 or Valkey 8.0, or newer"
        raise UnfitServer(detail, maybe_applied=False)


async def server_facts(client: Client) -> ServerFacts:
    """Ask the server what it is. Raises `LogUnavailable`."""
    info, (seconds, microseconds) = await client.run([("INFO", "server"), ("TIME",)])
    lines, settings = _facts(info), []
    for name in _SETTINGS:
        with suppress(LogUnavailable):  # Hosted ones refuse.
            settings.append(await client.call("CONFIG", "GET", name))
    return ServerFacts(
        product="Valkey" if "valkey_version" in lines else "Redis",
        version=lines.get("valkey_version") or lines["redis_version"],
        settings={name.decode(): value.decode() for name, value in filter(None, settings)},
        now=datetime.fromtimestamp(int(seconds) + int(microseconds) / 1e6, UTC),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHealth:
    """How all servers of one Redis are together.

    `memory_used` is of the fullest, 0 to 1. `append_only`: each writes its file without an error.
    """

    memory_used: float
    append_only: bool
    evicted_keys: int


async def server_health(client: Client) -> ServerHealth:
    """Ask every server how it is. Raises `LogUnavailable`."""
    servers = [_facts(info) for info in await client.everywhere("INFO")]
    return ServerHealth(
        memory_used=max(map(_fullness, servers), default=0.0),
        append_only=all(
            facts.get("aof_enabled") == "1" and facts.get("aof_last_write_status") == "ok"
            for facts in servers
        ),
        evicted_keys=sum(int(facts.get("evicted_keys", 0)) for facts in servers),
    )


async def memory_percent(client: Client) -> float:
    """Return how full the fullest server is, of `maxmemory` or else of its machine, in percent.

    Raises `LogUnavailable`.
    """
    servers = [_facts(info) for info in await client.everywhere("INFO", "memory")]
    return 100 * max(map(_fullness, servers), default=0.0)


def _fullness(facts: Mapping[str, str]) -> float:
    most = int(facts.get("maxmemory", 0)) or int(facts.get("total_system_memory", 0))
    return int(facts["used_memory"]) / most if most else 0.0  # A hosted server may not tell.


def _facts(info: bytes) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
