"""A proxy that names every message between a service and Redis, and strikes at one of them.

The simulated venues keep their chain in Redis, so that a send and a question to the chain are
messages too. What the clock drives (polls, renewals, reports) is let through unnamed.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import hiredis

from shared.orders.events import EVENT_TYPES
from shared.streams.redis.scripts import name_of
from tests.support.proxy import Proxy

_CHUNK = 65_536
_OF_THE_CLOCK = {
    *("XREADGROUP", "take", "renew", "restart_waits"),
    *("XINFO", "XPENDING", "ZCARD", "TIME", "CLIENT"),
}
# Entries that were looked for while they were on their way, and reports that name what was counted.
_BY_CHANCE = {"XRANGE", "heartbeat"}


class Boundary(NamedTuple):
    """A message on the wire: the n-th of its name since the proxy was armed."""

    name: str
    nth: int


class Boundaries(Proxy):
    """Passes everything on up to `target`; there it strikes, and lets nothing through any more.

    A request it strikes at was never sent; a reply never came, though Redis did what it was asked.
    """

    def __init__(self, url: str, target: Boundary | None) -> None:
        super().__init__(url)
        self.seen: list[Boundary] = []
        self.struck = False
        self._target = target
        self._strike: Callable[[], None] | None = None
        self._counts: Counter[str] = Counter()
        self._asked: dict[asyncio.Event, deque[str]] = {}  # By connection, not yet answered.

    def arm(self, strike: Callable[[], None]) -> None:
        """Name messages from now on, and call `strike` at the target."""
        self._strike = strike

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        asked = self._asked.setdefault(doomed, deque())
        parser = hiredis.Reader()
        while data := await reader.read(_CHUNK):
            for command in _parsed(parser, data):
                name = _name_of(command)
                asked.append(name)
                if name not in _OF_THE_CLOCK | _BY_CHANCE:
                    self._meet(f"before {name}", _events_in(command))
            await self._pass_on(data, writer)

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        asked = self._asked.setdefault(doomed, deque())
        parser = hiredis.Reader()
        while data := await reader.read(_CHUNK):
            for reply in _parsed(parser, data):
                name = asked.popleft()
                events = _events_in(reply)
                if name not in _BY_CHANCE and (events or name not in _OF_THE_CLOCK):
                    self._meet(f"after {name}", events)
            await self._pass_on(data, writer)

    def _meet(self, message: str, events: list[str]) -> None:
        if self._strike is None:
            return
        for name in [f"{message} {event}" for event in events] or [message]:
            self._counts[name] += 1
            boundary = Boundary(name, self._counts[name])
            self.seen.append(boundary)
            if boundary == self._target:
                self.struck = True
                self._strike()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.struck:
            writer.write(data)
            await writer.drain()


def _parsed(parser: hiredis.Reader, data: bytes) -> Iterator[Any]:
    parser.feed(data)
    # The parser says False for "not all of it is there yet"; Redis itself never does.
    while (message := parser.gets()) is not False:
        yield message


def _name_of(command: list[bytes]) -> str:
    name = name_of((command[0].decode(), command[1].decode() if len(command) > 1 else ""))
    return name.removesuffix(".lua").split(" ")[0]


def _events_in(message: Any) -> list[str]:
    """Return the names of the events that a message is about."""
    match message:
        case bytes():
            text = message.decode(errors="replace")
            return [text] if text in EVENT_TYPES else []
        case list():
            return [name for part in message for name in _events_in(part)]
        case _:
            return []
