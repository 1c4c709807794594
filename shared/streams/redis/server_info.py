"""What is there before anything is made: for commands that look and do not touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.streams.redis.client import Client

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


async def server_facts(client: Client) -> ServerFacts:
    """Ask the server what it is. Raises `LogUnavailable`."""
    info, (seconds, microseconds), *replies = await client.run(
        [("INFO", "server"), ("TIME",), *(("CONFIG", "GET", name) for name in _SETTINGS)]
    )
    lines = _facts(info)
    settings = [reply for reply in replies if isinstance(reply, list) and reply]
    return ServerFacts(
        product="Valkey" if "valkey_version" in lines else "Redis",
        version=lines.get("valkey_version") or lines["redis_version"],
        settings={name.decode(): value.decode() for name, value in settings},
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
