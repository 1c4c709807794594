"""What has come to the log, ready for followers: put into words once for all of one account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from services.gateway.http.answers import checked_id
from services.gateway.http.problems import Problem
from services.gateway.streaming.cursor import Cursor
from services.gateway.streaming.rows import Row
from services.gateway.streaming.told import Told
from shared.orders.codec import MalformedEvent
from shared.orders.view import public_json
from shared.streams.consumer.deliveries import Delivery, Entries, Written
from shared.streams.log.tail import Entry

# Puts a message and the cursor behind it on the wire.
Framing: TypeAlias = Callable[[str, bytes], bytes]

_MOST_BYTES = 65_536  # Of events in one message; an entry is never divided.


class _Head(msgspec.Struct):
    version: int
    account: str = ""  # Most events have none.


class Run(NamedTuple):
    """Entries of a partition that come right behind each other."""

    partition: int
    entries: Sequence[Entry]


class Taken(NamedTuple):
    """What some entries say, and the orders of those that cannot be told, with why not."""

    told: Sequence[Told]
    unreadable: Sequence[tuple[str, MalformedEvent]]


_head = msgspec.json.Decoder(_Head)
_entries = Entries("")


def read_entries(entries: Iterable[Entry]) -> Taken:
    """Return the events of entries, in order; the account only where the event itself names it.

    Entries that were put on the log again, for one group, are left out: they were told before.
    """
    told: list[Told] = []
    unreadable: list[tuple[str, MalformedEvent]] = []
    for entry in entries:
        found = _entries.delivery(0, b"", entry.fields, 1)
        if found.for_others:
            continue
        try:
            told += _told(found)
        except MalformedEvent as error:
            unreadable.append((found.order_id, error))
    return Taken(told, unreadable)


def _told(found: Delivery) -> list[Told]:
    try:
        checked_id(found.order_id)
    except Problem as problem:
        raise MalformedEvent(str(problem)) from None
    return [_event(found.order_id, written) for written in found.written()]


def _event(order_id: str, written: Written) -> Told:
    try:
        head = _head.decode(written.raw)
    except msgspec.DecodeError as error:
        raise MalformedEvent(str(error)) from None
    message = public_json(written.type, written.raw)
    return Told(order_id, head.version, head.account, message, written.raw)


def parts(found: Mapping[int, Sequence[Entry]]) -> Iterator[list[Run]]:
    """Yield entries by partition, in runs that together make messages of a moderate size."""
    runs: list[Run] = []
    size = 0
    for partition, entries in found.items():
        start = 0
        for place, entry in enumerate(entries, 1):
            size += sum(map(len, entry.fields))
            if size >= _MOST_BYTES:
                yield [*runs, Run(partition, entries[start:place])]
                runs, size, start = [], 0, place
        if start < len(entries):
            runs.append(Run(partition, entries[start:]))
    if runs:
        yield runs


class News:
    """Events that came together, each with its account, and the cursor behind them."""

    def __init__(
        self, told: Sequence[Told], cursor: Cursor, rows: Mapping[str, Row] | None = None
    ) -> None:
        """`rows` has the state of each of the orders, where somebody wants it."""
        self.rows: Mapping[str, Row] = rows or {}
        self._told = told
        self._cursor = cursor
        self._encoded = ""
        self._messages: dict[tuple[str | None, Framing], bytes] = {}

    @property
    def cursor(self) -> str:
        """Return the cursor behind these events."""
        # Many batches are nobody's, and then none is asked for.
        self._encoded = self._encoded or self._cursor.encode()
        return self._encoded

    def message(self, account: str | None, framing: Framing) -> bytes:
        """Return what to send to who sees the account's orders (None: all); nothing without any."""
        found = self._messages.get((account, framing))
        if found is None:
            events = [one.message for one in self._told if account in (None, one.account)]
            found = framing(self.cursor, _batch(events, self.cursor)) if events else b""
            self._messages[account, framing] = found
        return found

    def __bool__(self) -> bool:
        return bool(self._told)


def _batch(events: Sequence[bytes], cursor: str) -> bytes:
    return b'{"events":[%s],"cursor":"%s"}' % (b",".join(events), cursor.encode())


def over_socket(_cursor: str, message: bytes) -> bytes:
    """Return a message for a WebSocket."""
    return message


def as_event(cursor: str, message: bytes) -> bytes:
    """Return a message as a server-sent event, whose id is the cursor."""
    return b"id: %s\ndata: %s\n\n" % (cursor.encode(), message)
