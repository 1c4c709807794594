"""Commands to one server and their replies, over as many connections as there are callers at once.

redis-py connects, writes and parses. Its clients and pools are left out: what they do around a
command costs more than the command (ADR 0035).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.concurrency.timers import Deadline
from shared.settings import InvalidSettings
from shared.streams.redis.connections import OURS, OurConnection, packed
from shared.streams.redis.error_mapping import words_of
from shared.streams.redis.scripts import Command
from shared.streams.redis.transport import RESP, Copies

_CONNECTIONS = 64  # At most. Who finds all in use waits for one: that is no absence of the server.


class Exchange:
    """One server, and the connections to it."""

    def __init__(self, url: str, *, timeout_s: float, **options: Any) -> None:
        """Wait for up to `timeout_s` for each reply. Raises `InvalidSettings` for no address."""
        self._timeout_s = timeout_s
        try:
            # Their own timeouts cost a timer a call. This one has its deadline for all of them.
            pool = ConnectionPool.from_url(
                url, socket_timeout=None, socket_connect_timeout=timeout_s, **options
            )
            self._kind = OURS[pool.connection_class]
            self._options = pool.connection_kwargs
            self.link()  # An option that there is not is noticed when it is used.
        except (ValueError, TypeError, RedisError):
            # The error may repeat a part of the address that is in truth one of the password.
            raise InvalidSettings(
                "REDIS_URL is no address of a Redis, such as redis://localhost:6379/0"
            ) from None
        self._deadline = Deadline(timeout_s)
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[OurConnection] = []

    def link(self) -> OurConnection:
        """Return a new connection, not yet connected, that notices by itself when it hangs."""
        return self._kind(**self._options | {"socket_timeout": self._timeout_s})

    async def __call__(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands together; return their replies, errors of the server among them.

        Raises redis-py's errors, or an `OSError`, when the server is away.
        """
        try:
            with self._deadline():
                await self._free.acquire()
        except TimeoutError as error:
            raise RedisConnectionError("every connection is in use") from error
        connection = self._idle.pop() if self._idle else self._kind(**self._options)
        try:
            if not connection.is_ready:
                await self._connect(connection)
            return await self._exchange(connection, commands)
        finally:
            # What was not read to its end has been cut, and is connected anew by the next.
            self._idle.append(connection)
            self._free.release()

    async def _connect(self, connection: OurConnection) -> None:
        try:
            with self._deadline():
                await connection.disconnect(nowait=True)
                await connection.connect()  # type: ignore[no-untyped-call] # redis-py's own lack
        except TimeoutError as error:
            raise RedisTimeoutError("Timeout connecting to server") from error
        except ResponseError as error:
            # Whatever it minds about a greeting, nothing was asked yet.
            raise RedisConnectionError(words_of(error), status_code="ERR") from error

    async def _exchange(self, connection: OurConnection, commands: Sequence[Command]) -> list[Any]:
        replies = []
        try:
            with self._deadline():
                await connection.send_packed_command(packed(commands), check_health=False)
            for _ in commands:
                with self._deadline():
                    replies.append(await _reply(connection))
        except TimeoutError as error:
            raise RedisTimeoutError(f"no answer within {self._timeout_s:g} s") from error
        return replies

    async def close(self) -> None:
        """Close every connection that nobody uses."""
        while self._idle:
            await self._idle.pop().disconnect()


async def _reply(connection: OurConnection) -> Any:
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


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
