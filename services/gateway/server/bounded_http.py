"""Uvicorn's protocol of HTTP with bounds: on what is read before there is a request, and on links.

Uvicorn waits for a head for as long as it takes, keeps as much of one as comes, and takes every
connection. All of that is before anybody is asked for a key.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any

from services.gateway.http.problems import Code, Problem
from services.gateway.server.fair_websocket import FairProtocol
from services.gateway.server.last_words import last_words
from services.gateway.server.write_coalescing import CorkedProtocol
from shared.observability.metrics import TURNED_AWAY

_LAST_WORDS_S = 1.0  # So long a client that is still sending may read why it is refused.
_REFUSED_AT_ONCE = 32  # Links that may wait for that.


@dataclass(slots=True, kw_only=True)
class Bounds:
    """What a client may take of a gateway before it has asked for anything.

    `head_bytes` also bounds whatever else is read and is neither a head nor a body: trailers, the
    extensions of chunks. `per_address` of 0 is no bound.
    """

    head_bytes: int
    head_s: float
    connections: int
    per_address: int
    by_address: Counter[str] = field(default_factory=Counter)


class BoundedProtocol(CorkedProtocol):
    """One connection: answers 400, 408, 429, 431 or 503 by itself, and closes, past a bound."""

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._address = ""
        self._given = 0  # Bytes since the parser last made something of them.
        self._in_head = True
        self._too_late: asyncio.TimerHandle | None = None
        self._fault = Code.MALFORMED_REQUEST
        self._done = False  # With what comes: it is refused, or for the protocol of sockets.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or say that there are too many."""
        super().connection_made(transport)
        self._address = _network(self.client[0] if self.client else "")
        self._bounds.by_address[self._address] += 1
        most, mine = self._bounds.per_address, self._bounds.by_address[self._address]
        excess = len(self.connections) - self._bounds.connections
        if excess > 0:
            self._refuse(Code.TOO_MANY_SOCKETS, linger=excess <= _REFUSED_AT_ONCE)
        elif 0 < most < mine:
            self._refuse(Code.TOO_MANY_CONNECTIONS)
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, a part at a time, so that no more than the bound is ever kept."""
        while data and not self._done:
            room = self._bounds.head_bytes - self._given
            part, data = data[:room], data[room:]
            self._given += len(part)
            super().data_received(part)
            if self._given >= self._bounds.head_bytes:
                self._refuse(Code.HEAD_TOO_LARGE)
        if self._in_head and not self._done and not self._too_late:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, without the white space around its value (RFC 9110, 5.5).

        Trailers come this way too, after the request was judged: nobody asked.
        """
        if self._in_head:
            super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        """Begin to serve a request that says in one way to whom it speaks (RFC 9112, 3.2)."""
        self._in_head, self._given = False, 0
        self._forget_timer()
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._fault = Code.AMBIGUOUS_HOST
            raise ValueError  # The parser stops, and uvicorn calls for a 400.
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body. Its reader has bounds of its own."""
        self._given = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._given = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the protocol of sockets."""
        self._done = True
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, FairProtocol):
            protocol.on_lost = self._left

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn has its own words
        """Say in our words what uvicorn says in plain text."""
        self._refuse(self._fault)

    def _wait_for_head(self) -> None:
        self._too_late = self.loop.call_later(self._bounds.head_s, self._give_up)

    def _forget_timer(self) -> None:
        if self._too_late:
            self._too_late.cancel()
            self._too_late = None

    def _give_up(self) -> None:
        self._too_late = None
        if self.scope is None:  # Browsers open links before they need them.
            self.transport.close()
        else:
            self._refuse(Code.HEAD_TIMEOUT)

    def _refuse(self, code: Code, *, linger: bool = True) -> None:
        self._done = True
        self._forget_timer()
        if self.transport.is_closing():
            return
        TURNED_AWAY.labels(code.name).inc()
        cycle = self.cycle
        if cycle and not cycle.response_complete:
            self.pipeline.clear()
            if cycle.response_started or not cycle.more_body:
                # A whole request, which may be an order: its answer must not be taken for another.
                cycle.keep_alive = False
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(last_words(Problem(code)))
        if linger:
            # A link that is closed while something unread has come is reset, the answer with it.
            self.transport.write_eof()
            self.loop.call_later(_LAST_WORDS_S, self.transport.abort)
        else:
            self.transport.close()

    def _left(self) -> None:
        self._forget_timer()
        self._bounds.by_address[self._address] -= 1
        if not self._bounds.by_address[self._address]:
            del self._bounds.by_address[self._address]


def _network(address: str) -> str:
    """Return whose address it is: whoever has one of IPv6 has the other 2^64 of its network too."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or int(ip) >> 64)
    return str(ip)
