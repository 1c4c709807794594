"""One end of a connection through the network: passes bytes on at once, or later."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

_MOST_HELD = 1 << 20  # Bytes; then the sender is made to wait.
_ABRUPT = struct.pack("ii", 1, 0)  # SO_LINGER: a reset, and no goodbye.


class End(asyncio.Protocol):
    """The end that a service has connected to. What it reads goes to the other end."""

    def __init__(self, read: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """Let `read` see what is passed on, before it is."""
        self.gone = False
        self._read = read
        self._lost = lost
        self._other: End | None = None
        self._transport: asyncio.Transport | None = None
        self._holds = 0
        self._held = bytearray()
        self._clogged = False

    def join(self, other: End) -> None:
        """Say where the bytes go."""
        self._other = other

    def hold(self) -> None:
        """Keep what is read from now on. Its sender may hang up meanwhile: that is kept, too."""
        self._holds += 1

    def release(self) -> None:
        """Pass on what was held, in order, once nobody else holds it."""
        self._holds -= 1
        if self._holds or self._other is None:
            return
        held, self._held = bytes(self._held), bytearray()
        if held:
            self._pass_on(held)
        if self.gone:
            self._other.finish()
        self._read_on()

    def finish(self) -> None:
        """Say that nothing more comes."""
        if self._transport:
            self._transport.close()

    def reset(self) -> None:
        """Break the connection, as its peer sees it."""
        if self._transport and not self._transport.is_closing():
            its_socket: socket.socket = self._transport.get_extra_info("socket")
            if its_socket.family != socket.AF_UNIX:
                its_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Send to the peer, unless it is gone."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, or keep them."""
        if not self._holds:
            self._pass_on(data)
            return
        self._held += data
        if len(self._held) > _MOST_HELD and self._transport:
            self._transport.pause_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the other end, once it has all there was."""
        self.gone = True
        if self._other and not self._holds:
            self._other.finish()
        self._lost()

    def pause_writing(self) -> None:
        """Let nothing more come from the other end for now."""
        if self._other:
            self._other.clog()

    def resume_writing(self) -> None:
        """Let more come."""
        if self._other:
            self._other.clear()

    def clog(self) -> None:
        """Read nothing: what was read is not taken quickly enough."""
        self._clogged = True
        if self._transport:
            self._transport.pause_reading()

    def clear(self) -> None:
        """Read again."""
        self._clogged = False
        self._read_on()

    def _read_on(self) -> None:
        if self._transport and not self._clogged and len(self._held) <= _MOST_HELD:
            self._transport.resume_reading()

    def _pass_on(self, data: bytes) -> None:
        self._read(data)
        if self._other:
            self._other.write(data)


class FarEnd(End):
    """The end at the server. It stays until the server has read all, though nobody listens."""

    def finish(self) -> None:
        """Say that nothing more comes; what the server still says is thrown away."""
        if self._transport and not self._transport.is_closing():
            with suppress(OSError):  # The server has just hung up.
                self._transport.write_eof()
