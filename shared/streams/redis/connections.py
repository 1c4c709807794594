"""redis-py's connections, made quicker, and honest about links that were cut."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypeAlias

from hiredis import pack_command
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.concurrency.cancellation import heeding

# What redis-py lets through when a link is gone that it was about to use.
_CUT = (RuntimeError, AttributeError)


class OurConnection(AbstractConnection):
    """Packs commands in C; redis-py's asyncio connections do it in Python."""

    @property
    def is_ready(self) -> bool:
        """Return whether it is connected, and was not cut since."""
        reader = self._reader
        return bool(self.is_connected and reader and not (reader.at_eof() or reader.exception()))

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        """Write, heed a cancellation, and say so as redis-py does when the link is gone."""
        sent = super().send_packed_command(command, check_health)
        try:
            # Where redis-py sets no time limit, it does not wait with what forgets either.
            await (heeding(sent) if self.socket_timeout else sent)
        except asyncio.CancelledError:
            # It may have been sent all the same, and nobody reads the reply: the next user would.
            await self.disconnect(nowait=True)
            raise
        except _CUT as error:
            # What uvloop says, and asyncio does not, when a link broke before it was written to.
            raise RedisConnectionError(f"the link broke: {error}") from error

    def pack_command(self, *args: Any) -> list[bytes]:
        """Return a command as it is sent."""
        # redis-py's own commands come with a name of two words.
        return [pack_command((*args[0].split(), *args[1:]) if " " in args[0] else args)]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Return commands as they are sent."""
        return [packed(commands)]


def packed(commands: Iterable[Iterable[Any]]) -> bytes:
    """Return commands as they are sent."""
    return b"".join([pack_command(tuple(command)) for command in commands])


class _OfNode(OurConnection):
    """Says so when it was cut under a reader: a cluster's client cuts every link if one breaks."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except _CUT as error:
            raise RedisConnectionError(f"the link was cut: {error}") from error


class _Connection(OurConnection, Connection):
    pass


class _TlsConnection(OurConnection, SSLConnection):
    pass


class _SocketConnection(OurConnection, UnixDomainSocketConnection):
    pass


class _NodeConnection(_OfNode, Connection):
    pass


class _TlsNodeConnection(_OfNode, SSLConnection):
    pass


_Kinds: TypeAlias = dict[type[AbstractConnection], type[OurConnection]]
OURS: _Kinds = {
    Connection: _Connection,
    SSLConnection: _TlsConnection,
    UnixDomainSocketConnection: _SocketConnection,
}
OF_NODES: _Kinds = {Connection: _NodeConnection, SSLConnection: _TlsNodeConnection}
