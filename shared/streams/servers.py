"""What a client needs of the servers behind it: of one, or of the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.streams.exchange import Exchange
from shared.streams.scripts import Command

RESP = 2  # The protocol's version.


@dataclass(frozen=True, slots=True)
class Copies:
    """How many replicas must have a write, and the longest wait for them."""

    replicas: int
    within_ms: int


class Servers(Protocol):
    """One server or more. Calls raise redis-py's errors, or an `OSError`."""

    clustered: bool

    async def one(self, command: Command) -> Any:
        """Return the reply to one command. A server's no is raised."""
        ...

    async def all(self, commands: Sequence[Command], copies: Copies | None) -> list[Any]:
        """Return the replies to commands that are sent together, errors among them.

        With `copies`, how many replicas have what each node holds comes behind them.
        """
        ...

    async def everywhere(self, command: Command) -> list[Any]:
        """Return each primary node's reply."""
        ...

    async def scan(
        self, cursors: Mapping[str, int], pattern: str, count: int
    ) -> tuple[dict[str, int], list[bytes]]:
        """Look at keys as `Client.scan` does."""
        ...

    def node_of(self, key: str) -> str:
        """Return the name of the node that holds a key."""
        ...

    def links(self) -> dict[str, Any]:
        """Return a new connection to each primary node, by its name, not yet connected."""
        ...

    async def refresh(self) -> None:
        """Find out anew which node holds what."""
        ...

    async def close(self) -> None:
        """Give every connection back."""
        ...


class OneServer:
    """A server by itself."""

    clustered = False

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """Wait for up to `timeout_s` for each reply. What failed is not asked again by itself."""
        never = Retry(NoBackoff(), 0)
        self._exchange = Exchange(url, timeout_s=timeout_s, protocol=RESP, retry=never)

    async def one(self, command: Command) -> Any:
        """Return the reply to one command."""
        [reply] = await self._exchange([command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def all(self, commands: Sequence[Command], copies: Copies | None) -> list[Any]:
        """Return the replies to commands in one round trip."""
        wait = [("WAIT", copies.replicas, copies.within_ms)] if copies else []
        return await self._exchange([*commands, *wait])

    async def everywhere(self, command: Command) -> list[Any]:
        """Return the one reply."""
        return [await self.one(command)]

    async def scan(
        self, cursors: Mapping[str, int], pattern: str, count: int
    ) -> tuple[dict[str, int], list[bytes]]:
        """Look at about `count` keys."""
        at = cursors.get("", 0)
        cursor, keys = await self.one(("SCAN", at, "MATCH", pattern, "COUNT", count))
        return {"": int(cursor)}, keys

    def node_of(self, key: str) -> str:  # noqa: ARG002 - there is one
        """Return the same for every key."""
        return ""

    def links(self) -> dict[str, Any]:
        """Return a new connection."""
        return {"": self._exchange.link()}

    async def refresh(self) -> None:
        """Do nothing: it holds everything."""

    async def close(self) -> None:
        """Give every connection back."""
        await self._exchange.close()
