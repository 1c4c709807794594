"""A WebSocket protocol that takes in a little at a time, so that no client's flood holds up others.

Uvicorn's own parses whatever a read has brought in one go, which may be ten thousand frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import HeaderLineTooLong, RequestLineTooLong, TooManyHeaders
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request

from services.gateway.http.answers import MANY
from services.gateway.http.problems import Code, Problem
from services.gateway.server.last_words import last_words
from shared.observability.metrics import TURNED_AWAY

# A third of the bytes of a socket's events, for 32 KB and some 10 us an event.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
)
_BYTES = 1_024  # A hundred or so of the smallest frames.
_PAUSE_S = 0.002
_TOO_LARGE = (RequestLineTooLong, HeaderLineTooLong, TooManyHeaders)


@dataclass(slots=True)
class Compressed:
    """How many sockets may be compressed besides those that are."""

    left: int


class FairProtocol(WebSocketsSansIOProtocol):
    """Parses a part of what was read, lets everybody else have a turn, and goes on."""

    def __init__(self, *args: Any, compressed: Compressed, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._compressed = compressed
        self._unparsed = bytearray()
        self._parsing_later = False
        self.on_lost: Callable[[], None] = lambda: None

    def handle_connect(self, event: Request) -> None:
        """Open a socket, compressed where its client asks for that and much may come."""
        if self._compressed.left and event.path.partition("?")[0] == MANY:
            self.conn.available_extensions = [_DEFLATE]
        super().handle_connect(event)
        self._compressed.left -= bool(self.conn.extensions)

    def data_received(self, data: bytes) -> None:
        """Parse the beginning now and the rest later. Nothing is read before that is done."""
        self._unparsed += data
        if not self._parsing_later:
            self._parse()

    async def receive(self) -> Any:
        """Return the next message. The last one that was parsed makes room for more."""
        message = await super().receive()
        self._go_on()
        return message

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was not parsed."""
        self._unparsed.clear()
        self._compressed.left += bool(self.conn.extensions)
        self.on_lost()
        super().connection_lost(exc)

    def _parse(self) -> None:
        part = bytes(self._unparsed[:_BYTES])
        del self._unparsed[:_BYTES]
        super().data_received(part)
        if self.conn.handshake_exc and not self.handshake_initiated:
            self._refuse(self.conn.handshake_exc)
        self._go_on()

    def _refuse(self, why: Exception) -> None:
        # Uvicorn leaves a head that is read here otherwise than there without a word, and open.
        code = Code.HEAD_TOO_LARGE if isinstance(why, _TOO_LARGE) else Code.MALFORMED_REQUEST
        TURNED_AWAY.labels(code.name).inc()
        self.transport.write(last_words(Problem(code)))
        self.transport.close()

    def _go_on(self) -> None:
        # While messages wait to be taken up, reading is paused and nothing more is parsed.
        waits = self.read_paused or self._parsing_later or self.transport.is_closing()
        if waits or not self._unparsed:
            return
        self._parsing_later = True
        self.transport.pause_reading()
        self.loop.call_later(_PAUSE_S, self._parse_later)

    def _parse_later(self) -> None:
        self._parsing_later = False
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        if self._unparsed:
            self._parse()
