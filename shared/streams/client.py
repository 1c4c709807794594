"""One connection to Redis, Valkey or a cluster of them: pipelines, scripts, and plain errors.

Replies are raw: bytes, numbers and lists, as the server sent them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from shared.streams.connections import OF_NODES
from shared.streams.errors import GroupMissing, LogUnavailable
from shared.streams.exchange import Exchange
from shared.streams.heeding import heeding
from shared.streams.refusals import AWAY, is_away, unavailable
from shared.streams.scripts import Command, key_of, spelled_out

_RESP = 2  # The protocol's version.


@dataclass(frozen=True, slots=True)
class Copies:
    """How many replicas must have a write, and the longest wait for them."""

    replicas: int
    within_ms: int


class Client:
    """The only thing that talks to Redis."""

    def __init__(self, redis: Exchange | RedisCluster, *, timeout_s: float) -> None:
        self.clustered = isinstance(redis, RedisCluster)
        self.timeout_s = timeout_s  # Longest wait for one reply.
        # redis-py types replies as unions over every protocol; Any stays inside this package.
        self._redis: Any = redis

    @classmethod
    async def connect(cls, url: str, *, timeout_s: float = 5.0) -> Self:
        """Connect, and find out whether `url` names a node of a cluster.

        Raises `LogUnavailable` when nothing answers.
        """
        client = cls(alone(url, timeout_s=timeout_s), timeout_s=timeout_s)
        try:
            info = await client.call("INFO", "cluster")
        except BaseException:
            await client.close()
            raise
        if b"cluster_enabled:1" not in info:
            return client
        await client.close()
        cluster = RedisCluster.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=_RESP
        )
        nodes: Any = cluster.nodes_manager
        kind = OF_NODES[nodes.connection_kwargs["connection_class"]]
        nodes.connection_kwargs["connection_class"] = kind
        for node in nodes.startup_nodes.values():
            node.connection_class = kind
        for name in ("XREADGROUP", "XRANGE", "XPENDING", "XINFO GROUPS", "XINFO CONSUMERS", "INFO"):
            cluster.response_callbacks.pop(name, None)
        return cls(cluster, timeout_s=timeout_s)

    async def call(self, *command: Any) -> Any:
        """Run one command. Raises `LogUnavailable`, `GroupMissing`, or the server's own error."""
        if not self.clustered:
            [reply] = await self.run([command])
            return checked(reply)
        try:
            return await heeding(self._redis.execute_command(*command))
        except NoScriptError:
            return await self.call(*spelled_out(command))
        except (RedisError, *AWAY) as error:
            return checked(error)

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip (one a node in a cluster), without a transaction.

        A command that the server refuses has its error in place of its reply. Raises
        `LogUnavailable` when the server is away or full.
        """
        return (await self._run(commands, None))[0]

    async def run_copied(
        self, commands: Sequence[Command], copies: Copies
    ) -> tuple[list[Any], bool]:
        """Run commands as `run` does, each with its key first; then wait until replicas have it.

        Return also whether they have: everything, and not only what these commands wrote, that
        their nodes held by then.
        """
        return await self._run(commands, copies)

    async def _run(
        self, commands: Sequence[Command], copies: Copies | None
    ) -> tuple[list[Any], bool]:
        if not commands:
            return [], True
        replies, copied = await self._pipeline(commands, copies)
        unknown = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            texts = [spelled_out(commands[i]) for i in unknown]
            again, copied_too = await self._pipeline(texts, copies)
            copied = copied and copied_too
            for i, reply in zip(unknown, again, strict=True):
                replies[i] = reply
        for reply in replies:
            if is_away(reply):
                some_ran = any(not isinstance(other, Exception) for other in replies)
                raise unavailable(reply, maybe_applied=some_ran) from reply
        return replies, copied

    async def _pipeline(
        self, commands: Sequence[Command], copies: Copies | None
    ) -> tuple[list[Any], bool]:
        try:
            ask = self._of_nodes if self.clustered else self._of_one
            replies = await ask(commands, copies)
        except AWAY as error:
            # In a cluster, what went to other nodes may have been carried out.
            raise unavailable(error, maybe_applied=self.clustered) from error
        answers, counts = replies[: len(commands)], replies[len(commands) :]
        if self.clustered and any(map(is_away, replies)):
            await self._look_around()
        return answers, all(_is_enough(count, copies) for count in counts)

    async def _of_one(self, commands: Sequence[Command], copies: Copies | None) -> list[Any]:
        wait = [("WAIT", copies.replicas, copies.within_ms)] if copies else []
        replies: list[Any] = await self._redis([*commands, *wait])
        return replies

    async def _of_nodes(self, commands: Sequence[Command], copies: Copies | None) -> list[Any]:
        pipe = self._redis.pipeline()
        for command in commands:
            pipe.execute_command(*command)
        if copies:
            for where in self._nodes_of(commands):
                pipe.execute_command("WAIT", copies.replicas, copies.within_ms, **where)
        # What is sent on to another node is not what this connection waits for.
        follow = {"allow_redirections": False} if copies else {}
        replies: list[Any] = await heeding(pipe.execute(raise_on_error=False, **follow))
        return replies

    def _nodes_of(self, commands: Sequence[Command]) -> list[dict[str, Any]]:
        nodes = {
            node.name: node
            for node in (self._redis.get_node_from_key(key_of(command)) for command in commands)
        }
        return [{"target_nodes": node} for node in nodes.values()]

    async def _look_around(self) -> None:
        # A pipeline does not ask again who holds what, as single commands do.
        with suppress(LogUnavailable):
            await self.refresh()

    async def everywhere(self, *command: Any) -> list[Any]:
        """Run one command on every primary node; return their replies. Raises `LogUnavailable`."""
        if not self.clustered:
            return [await self.call(*command)]
        try:
            replies = await self._redis.execute_command(
                *command, target_nodes=RedisCluster.PRIMARIES
            )
        except (RedisError, *AWAY) as error:
            return [checked(error)]
        return list(replies.values())

    async def scan(
        self, cursors: Mapping[str, int], pattern: str, count: int
    ) -> tuple[dict[str, int], list[bytes]]:
        """Look at about `count` keys of each primary node, from its cursor on, at first from 0.

        Return the cursors to go on from (0: everything was seen) and the keys that match. Raises
        `LogUnavailable`.
        """
        options = ("MATCH", pattern, "COUNT", count)
        if not self.clustered:
            cursor, keys = await self.call("SCAN", cursors.get("", 0), *options)
            return {"": int(cursor)}, keys
        there: dict[str, int] = {}
        found: list[bytes] = []
        for node in self._redis.get_primaries():
            command = ("SCAN", cursors.get(node.name, 0), *options)
            try:
                at, keys = await self._redis.execute_command(*command, target_nodes=node)
            except (RedisError, *AWAY) as error:
                checked(error)
            there |= at
            found += keys
        return there, found

    def node_of(self, key: str) -> str:
        """Return the name of the node that holds a key; the same for all on one server."""
        return str(self._redis.get_node_from_key(key).name) if self.clustered else ""

    def links(self) -> dict[str, Any]:
        """Return a new connection to each primary node, by its name, not yet connected."""
        if not self.clustered:
            return {"": self._redis.link()}
        return {
            node.name: node.connection_class(**node.connection_kwargs)
            for node in self._redis.get_primaries()
        }

    async def refresh(self) -> None:
        """Find out anew which node of a cluster holds what. Raises `LogUnavailable`."""
        if self.clustered:
            try:
                await self._redis.nodes_manager.initialize()
            except AWAY as error:
                raise unavailable(error) from error

    async def close(self) -> None:
        """Give every connection back."""
        await (self._redis.aclose() if self.clustered else self._redis.close())


def alone(url: str, *, timeout_s: float) -> Exchange:
    """Return the way to one server, which is not asked again by itself when it fails."""
    return Exchange(url, timeout_s=timeout_s, protocol=_RESP, retry=Retry(NoBackoff(), 0))


def plain_client(url: str, *, clustered: bool, timeout_s: float) -> Redis | RedisCluster:
    """Return redis-py's own client, for a library that brings its own commands."""
    if clustered:
        return RedisCluster.from_url(url, socket_timeout=timeout_s)
    never = Retry(NoBackoff(), 0)
    client: Redis = Redis.from_url(url, socket_timeout=timeout_s, retry=never)
    return client


def checked(reply: Any) -> Any:
    """Return a reply of `Client.run`, or raise what it means if it is an error."""
    if not isinstance(reply, Exception):
        return reply
    if is_away(reply):
        raise unavailable(reply) from reply
    if str(reply).startswith(("NOGROUP", "no such key")):
        raise GroupMissing(str(reply)) from reply
    raise reply


def _is_enough(count: Any, copies: Copies | None) -> bool:
    return copies is None or (isinstance(count, int) and count >= copies.replicas)
