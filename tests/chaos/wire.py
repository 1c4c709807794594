"""What lies between one replica and one server: every connection goes over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.chaos.link import End, FarEnd
from tests.chaos.traffic import Sent, Traffic
from tests.support.eventually import eventually
from tests.support.servers import free_port

_Peer = TypeVar("_Peer", bound=asyncio.Protocol)
_DELIVERY_S = 60.0
_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and how to see what is asked of it.

    `writes` is in a request that changes something. With `sessions`, a request makes sense only
    after all that came before it on its connection.
    """

    name: str
    where: int | str  # A port of the loopback, or the path of a socket.
    writes: bytes
    sessions: bool

    async def dial(self, peer: Callable[[], _Peer]) -> tuple[asyncio.Transport, _Peer]:
        """Connect. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        if isinstance(self.where, str):
            return await loop.create_unix_connection(peer, self.where)
        return await loop.create_connection(peer, "127.0.0.1", self.where)

    async def deliver(self, sent: bytes) -> None:
        """Let the server read this on a new connection, at least once."""
        await eventually(lambda: self._has_read(sent), within_s=_DELIVERY_S, every_s=_PAUSE_S)

    async def _has_read(self, sent: bytes) -> bool:
        try:
            transport, peer = await self.dial(_Deaf)
        except OSError:
            return False
        try:
            transport.write(sent)
            transport.write_eof()
            async with asyncio.timeout(_DELIVERY_S):
                return await peer.has_read_all
        except OSError:  # It took too long, or broke.
            return False
        finally:
            transport.abort()


class _Deaf(asyncio.Protocol):
    """Notes only how it ends: a server that hangs up of its own accord has read all."""

    def __init__(self) -> None:
        self.has_read_all: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.has_read_all.done():
            self.has_read_all.set_result(error is None)


class Link:
    """A connection of the replica, and the one that stands for it at the server."""

    def __init__(self, wire: Wire) -> None:
        self.near = End(self._asked, self._lost)
        self.far = FarEnd(self._answered, self._lost)
        self.near.join(self.far)
        self.far.join(self.near)
        self._wire = wire
        self._sent: Sent | None = None
        self._doomed = False

    def _asked(self, data: bytes) -> None:
        if self._sent is None:
            self._sent = Sent()
            if self._wire.server.sessions:
                self._wire.traffic.keep(self._sent)
        self._sent.add(data)
        self._doomed = self._doomed or self._wire.is_fatal(data)

    def _answered(self, _: bytes) -> None:
        sent, server = self._sent, self._wire.server
        # The answer shows that it was delivered.
        if sent and not server.sessions:
            self._wire.traffic.keep(sent)
            self._sent = None
        if self._doomed:
            self._doomed = False
            self.near.reset()
            self._wire.was_reset(bytes(sent or b""))

    def _lost(self) -> None:
        if self.near.gone and self.far.gone:
            self._wire.links.discard(self)


class Wire:
    """Every link of one replica with one server. `port` is where the replica finds the server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = free_port()
        self.links: set[Link] = set()
        self.traffic = Traffic(server.writes)
        self._door: asyncio.Server | None = None
        self._retired = False
        self._dialling: set[asyncio.Task[None]] = set()
        self._resets_left = 0
        self.was_reset: Callable[[bytes], None] = lambda _: None

    async def listen(self) -> None:
        """Take connections, unless the replica is gone for good."""
        # Somebody else on this machine may have the port for a moment.
        await eventually(self._listens, within_s=_DELIVERY_S, every_s=_PAUSE_S)

    async def _listens(self) -> bool:
        if not self._door and not self._retired:
            loop = asyncio.get_running_loop()
            try:
                self._door = await loop.create_server(self._accepted, "127.0.0.1", self.port)
            except OSError:
                return False
        return True

    def cut(self) -> None:
        """Break every connection as the replica sees it, and refuse new ones."""
        if self._door:
            self._door.close()
            self._door = None
        for link in self.links.copy():
            link.near.reset()

    async def retire(self) -> None:
        """Take no connection any more. What is on its way arrives all the same."""
        self._retired = True
        if self._door:
            self._door.close()
            self._door = None

    async def close(self) -> None:
        """Drop everything."""
        await self.retire()
        for task in self._dialling.copy():
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
        for link in self.links.copy():
            link.near.reset()
            link.far.reset()
        await asyncio.sleep(0)  # A transport that was aborted closes in the next turn of the loop.

    def doom(self, requests: int, then: Callable[[bytes], None]) -> None:
        """Reset the link of the next requests that write, in place of their answers.

        `then` is called with each of them.
        """
        self._resets_left, self.was_reset = requests, then

    def is_fatal(self, request: bytes) -> bool:
        """Return whether the link of this request is to be reset, and count it."""
        if not self._resets_left or self.server.writes not in request:
            return False
        self._resets_left -= 1
        return True

    def _accepted(self) -> End:
        link = Link(self)
        link.near.hold()  # There is nowhere yet to pass it on to.
        self.links.add(link)
        task = asyncio.create_task(self._dial(link))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return link.near

    async def _dial(self, link: Link) -> None:
        try:
            await self.server.dial(lambda: link.far)
        except OSError:
            link.far.connection_lost(None)
        else:
            link.near.release()
