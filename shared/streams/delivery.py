"""What a consumer is handed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shared.observability.log_context import line_ids
from shared.observability.tracing import glimpse, trace_id_of
from shared.orders.codec import decode
from shared.orders.events import OrderEvent


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
