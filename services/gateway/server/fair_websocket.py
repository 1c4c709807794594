"""A WebSocket protocol that takes in a little at a time, so that no client's flood holds up others.

Uvicorn's own parses whatever a read has brought in one go, which may be ten thousand frames.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_BYTES = 1_024  # A hundred or so of the smallest frames.
_PAUSE_S = 0.002


class FairProtocol(WebSocketsSansIOProtocol):
    """Parses a part of what was read, lets everybody else have a turn, and goes on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unparsed = bytearray()
        self._parsing_later = False

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
        super().connection_lost(exc)

    def _parse(self) -> None:
        part = bytes(self._unparsed[:_BYTES])
        del self._unparsed[:_BYTES]
        super().data_received(part)
        self._go_on()

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
