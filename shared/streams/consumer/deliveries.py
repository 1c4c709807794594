"""What a consumer is handed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from shared.observability.log_context import line_ids
from shared.observability.tracing import glimpse, trace_id_of
from shared.orders.codec import MalformedEvent, decode
from shared.orders.events import EVENT_TYPES, OrderEvent


class Written(Struct, frozen=True, gc=False):
    """An event as it stands on the log: the name of its type, and its JSON."""

    type: str
    raw: bytes


class Delivery(Struct, frozen=True, gc=False, kw_only=True):
    """An entry, and how it came. Most hold one event; what was appended together, all of it.

    `entry_id` is its place in the partition's stream. A parked order that fell due has none
    (``""``); it brings the last event of its history.
    """

    partition: int
    entry_id: str
    order_id: str
    type: str  # Of the last event of the entry, as `raw` is.
    raw: bytes
    attempt: int  # 1 at the first delivery, as Redis counts them.
    earlier: Sequence[Written] = ()  # The events in front of it.
    for_others: bool = False  # Replayed to another group: to be passed by.

    @property
    def place(self) -> tuple[int, str]:
        """Return what tells this delivery from every other one that is held."""
        return self.partition, self.entry_id or self.order_id

    def written(self) -> Sequence[Written]:
        """Return every event of the entry, in order."""
        last = Written(self.type, self.raw)
        return (*self.earlier, last) if self.earlier else (last,)

    def events(self) -> list[OrderEvent]:
        """Return what the entry tells, in order. Raises `MalformedEvent`."""
        return [decode(event.raw) for event in self.written()]

    def log_ids(self) -> dict[str, str]:
        """Return the ids of its last event, as far as that can be read."""
        seen = glimpse(self.raw)
        return line_ids(self.order_id, seen.version, trace_id_of(seen.traceparent))


_ONE_EVENT = [b"type", b"order", b"event"]
_KNOWN = {name.encode(): name for name in EVENT_TYPES}


class Entries:
    """Reads entries on behalf of one group."""

    def __init__(self, group: str) -> None:
        self._group = group.encode()

    def delivery(
        self, partition: int, entry_id: bytes, fields: Sequence[bytes], attempt: int
    ) -> Delivery:
        """Return an entry, by its fields, that was delivered for the `attempt`th time."""
        if fields[::2] == _ONE_EVENT:  # Most are like this, and read in half the time.
            kind, order, raw = fields[1::2]
            return Delivery(
                partition=partition,
                entry_id=entry_id.decode(),
                type=_KNOWN.get(kind) or _text(kind),
                order_id=_text(order),
                raw=raw,
                attempt=attempt,
            )
        kinds: list[str] = []
        raws: list[bytes] = []
        order, only = b"", self._group
        for name, value in zip(fields[::2], fields[1::2], strict=True):
            match name:
                case b"type":
                    kinds.append(_KNOWN.get(value) or _text(value))
                case b"event":
                    raws.append(value)
                case b"order":
                    order = value
                case b"only":
                    only = value
        return Delivery(
            partition=partition,
            entry_id=entry_id.decode(),
            type=kinds[-1] if kinds else "",
            order_id=_text(order),
            raw=raws[-1] if raws else b"",
            attempt=attempt,
            earlier=_all_but_last(kinds, raws) if len(raws) > 1 else (),
            for_others=only != self._group,
        )

    def again(
        self,
        partition: int,
        entry_id: bytes,
        attempt: int,
        fields: Sequence[bytes],
        last: bytes,
    ) -> Delivery:
        """Return an entry that was taken over, with its order's `last` event, or b"" for its own.

        Whoever held it may have brought the order further.
        """
        delivery = self.delivery(partition, entry_id, fields, attempt)
        kind = _type_of(last) if last else ""
        return replace(delivery, type=kind, raw=last) if kind else delivery


def due(partition: int, order_id: bytes, last: bytes) -> Delivery:
    """Return a parked order that fell due, with the last event of its history."""
    return Delivery(
        partition=partition,
        entry_id="",
        type=_type_of(last),
        order_id=order_id.decode(),
        raw=last,
        attempt=1,
    )


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _all_but_last(kinds: list[str], raws: list[bytes]) -> list[Written]:
    # An event that nobody gave a type is not left out: whoever handles it will say so.
    named = itertools.chain(kinds, itertools.repeat(""))
    return list(map(Written, named, raws[:-1]))


def _type_of(raw: bytes) -> str:
    try:
        return type(decode(raw)).__name__
    except MalformedEvent:
        return ""
