"""The way to the servers behind a client: to one, or to the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.streams.redis.scripts import Command

RESP = 2  # The protocol's version.


@dataclass(frozen=True, slots=True)
class Copies:
    """How many replicas must have a write, and the longest wait for them."""

    replicas: int
    within_ms: int


class Transport(Protocol):
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
