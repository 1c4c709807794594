"""One connection to Redis, Valkey or a cluster of them: pipelines, scripts, and plain errors.

Replies are raw: bytes, numbers and lists, as the server sent them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from redis.exceptions import InvalidResponse, NoScriptError, RedisError

from shared.streams.errors import GroupMissing, LogUnavailable, UnfitServer
from shared.streams.redis.cluster import Cluster
from shared.streams.redis.error_mapping import (
    AWAY,
    Refusals,
    is_away,
    names_no_group,
    unavailable,
)
from shared.streams.redis.scripts import Command, spelled_out
from shared.streams.redis.standalone import OneServer
from shared.streams.redis.transport import Copies, Transport


class Client:
    """The only thing that talks to Redis."""

    def __init__(self, transport: Transport, *, timeout_s: float) -> None:
        self.clustered = transport.clustered
        self.timeout_s = timeout_s  # Longest wait for one reply.
        self.losses = 0  # Times a server was found to be away: another may answer since.
        self.refusals = Refusals()
        self._transport = transport

    @classmethod
    async def connect(cls, url: str, *, timeout_s: float = 5.0) -> Self:
        """Connect, and find out whether `url` names a node of a cluster.

        Raises `LogUnavailable` when nothing answers, and `UnfitServer` for what is no Redis.
        """
        client = cls(OneServer(url, timeout_s=timeout_s), timeout_s=timeout_s)
        try:
            info = await client.call("INFO", "cluster")
        except InvalidResponse as error:
            await client.close()
            raise UnfitServer(f"no Redis answers there: {error}", maybe_applied=False) from error
        except BaseException:
            await client.close()
            raise
        if b"cluster_enabled:1" not in info:
            return client
        await client.close()
        return cls(Cluster.at(url, timeout_s=timeout_s), timeout_s=timeout_s)

    async def call(self, *command: Any) -> Any:
        """Run one command. Raises `LogUnavailable`, `GroupMissing`, or the server's own error."""
        try:
            reply = await self._transport.one(command)
        except NoScriptError:
            return await self.call(*spelled_out(command))
        except (RedisError, *AWAY) as error:
            return self._checked(error, command)
        if self.refusals:
            self.refusals.forget(command)
        return reply

    def _checked(self, error: Exception, command: Command) -> Any:
        if is_away(error):
            raise self.away(error, command) from error
        return checked(error)

    def away(
        self, error: Exception, command: Command, *, maybe_applied: bool = False
    ) -> LogUnavailable:
        """Return what an error that says "away" is to us, and note what was refused by it."""
        self.losses += 1
        found = unavailable(error, command, maybe_applied=maybe_applied)
        self.refusals.note(command, found)
        return found

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
        for command, reply in zip(commands, replies, strict=True):
            if is_away(reply):
                some_ran = any(not isinstance(other, Exception) for other in replies)
                raise self.away(reply, command, maybe_applied=some_ran) from reply
            if self.refusals and not isinstance(reply, Exception):
                self.refusals.forget(command)
        return replies, copied

    async def _pipeline(
        self, commands: Sequence[Command], copies: Copies | None
    ) -> tuple[list[Any], bool]:
        try:
            replies = await self._transport.all(commands, copies)
        except AWAY as error:
            # In a cluster, what went to other nodes may have been carried out.
            raise self.away(error, commands[0], maybe_applied=self.clustered) from error
        answers, counts = replies[: len(commands)], replies[len(commands) :]
        for refused in filter(is_away, counts):
            self.away(refused, ("WAIT",))
        if any(map(is_away, replies)):
            # A pipeline does not ask again who holds what, as single commands do.
            with suppress(LogUnavailable):
                await self.refresh()
        return answers, all(_is_enough(count, copies) for count in counts)

    async def everywhere(self, *command: Any) -> list[Any]:
        """Run one command on every primary node; return their replies. Raises `LogUnavailable`."""
        try:
            replies = await self._transport.everywhere(command)
        except (RedisError, *AWAY) as error:
            return [self._checked(error, command)]
        self.refusals.forget(command)
        return replies

    async def scan(
        self, cursors: Mapping[str, int], pattern: str, count: int
    ) -> tuple[dict[str, int], list[bytes]]:
        """Look at about `count` keys of each primary node, from its cursor on, at first from 0.

        Return the cursors to go on from (0: everything was seen) and the keys that match. Raises
        `LogUnavailable`.
        """
        try:
            return await self._transport.scan(cursors, pattern, count)
        except (RedisError, *AWAY) as error:
            self._checked(error, ("SCAN",))
            raise

    def node_of(self, key: str) -> str:
        """Return the name of the node that holds a key; the same for all on one server."""
        return self._transport.node_of(key)

    def links(self) -> dict[str, Any]:
        """Return a new connection to each primary node, by its name, not yet connected."""
        return self._transport.links()

    async def refresh(self) -> None:
        """Find out anew which node of a cluster holds what. Raises `LogUnavailable`."""
        try:
            await self._transport.refresh()
        except AWAY as error:
            raise unavailable(error) from error

    async def close(self) -> None:
        """Give every connection back."""
        await self._transport.close()


def checked(reply: Any) -> Any:
    """Return a reply of `Client.run`, or raise what it means if it is an error."""
    if not isinstance(reply, Exception):
        return reply
    if is_away(reply):
        raise unavailable(reply) from reply
    if names_no_group(reply):
        raise GroupMissing(str(reply)) from reply
    raise reply


def _is_enough(count: Any, copies: Copies | None) -> bool:
    return copies is None or (isinstance(count, int) and count >= copies.replicas)


def named(flat: Sequence[Any]) -> dict[bytes, Any]:
    """Return what a flat list of names and values says."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
