"""A cluster: commands to whichever node holds their key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from redis.asyncio import RedisCluster

from shared.streams.redis.connections import OF_NODES
from shared.streams.redis.scripts import Command, key_of
from shared.streams.redis.transport import RESP, Copies

# Their replies are wanted as the server sent them.
_RAW = (
    *("XREADGROUP", "XRANGE", "XPENDING", "XINFO GROUPS", "XINFO CONSUMERS", "XINFO STREAM"),
    *("INFO", "SET"),
)


class Cluster:
    """The nodes of a cluster, over redis-py's own client."""

    clustered = True

    def __init__(self, redis: RedisCluster) -> None:
        # redis-py types replies as unions over every protocol; Any stays inside this package.
        self._redis: Any = redis

    @classmethod
    def at(cls, url: str, *, timeout_s: float) -> Self:
        """Return the cluster of which `url` names a node. It connects when it is first asked."""
        cluster = RedisCluster.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=RESP
        )
        nodes: Any = cluster.nodes_manager
        kind = OF_NODES[nodes.connection_kwargs["connection_class"]]
        nodes.connection_kwargs["connection_class"] = kind
        for node in nodes.startup_nodes.values():
            node.connection_class = kind
        for name in _RAW:
            cluster.response_callbacks.pop(name, None)
        return cls(cluster)

    async def one(self, command: Command) -> Any:
        """Return the reply to one command, which is sent on if its key has moved."""
        return await self._redis.execute_command(*command)

    async def all(self, commands: Sequence[Command], copies: Copies | None) -> list[Any]:
        """Return the replies to commands, in one round trip a node."""
        pipe = self._redis.pipeline()
        for command in commands:
            pipe.execute_command(*command)
        if copies:
            for node in self._nodes_of(commands):
                pipe.execute_command("WAIT", copies.replicas, copies.within_ms, target_nodes=node)
        # What is sent on to another node is not what this connection waits for.
        follow = {"allow_redirections": False} if copies else {}
        replies: list[Any] = await pipe.execute(raise_on_error=False, **follow)
        return replies

    def _nodes_of(self, commands: Sequence[Command]) -> list[Any]:
        nodes = (self._redis.get_node_from_key(key_of(command)) for command in commands)
        return list({node.name: node for node in nodes}.values())

    async def everywhere(self, command: Command) -> list[Any]:
        """Return each primary node's reply."""
        primaries = RedisCluster.PRIMARIES
        replies = await self._redis.execute_command(*command, target_nodes=primaries)
        return list(replies.values())

    async def scan(
        self, cursors: Mapping[str, int], pattern: str, count: int
    ) -> tuple[dict[str, int], list[bytes]]:
        """Look at about `count` keys of each primary node."""
        there: dict[str, int] = {}
        found: list[bytes] = []
        for node in self._redis.get_primaries():
            command = ("SCAN", cursors.get(node.name, 0), "MATCH", pattern, "COUNT", count)
            at, keys = await self._redis.execute_command(*command, target_nodes=node)
            there |= at
            found += keys
        return there, found

    def node_of(self, key: str) -> str:
        """Return the name of the node that holds a key."""
        return str(self._redis.get_node_from_key(key).name)

    def links(self) -> dict[str, Any]:
        """Return a new connection to each primary node, by its name."""
        return {
            node.name: node.connection_class(**node.connection_kwargs)
            for node in self._redis.get_primaries()
        }

    async def refresh(self) -> None:
        """Ask the nodes who holds what."""
        await self._redis.nodes_manager.initialize()

    async def close(self) -> None:
        """Give every connection back."""
        await self._redis.aclose()
