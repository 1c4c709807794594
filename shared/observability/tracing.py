"""The trace that an order belongs to: read from a request, carried in every event, told of.

An order's `traceparent` is W3C's. With no collector to tell it is the client's own, carried along
for the logs, and an order that comes without one has none. With a collector it names the span of
the order's intake, and all that is done for the order afterwards is a child of that one: whoever
goes on with an order, after a crash or from a parking, needs no more than its last event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from shared.orders.events import OrderEvent

_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.ASCII,
)
_OURS = "00"  # The version of W3C's format that we write.

Attributes: TypeAlias = Mapping[str, str | int]


def traceparent_in(values: Sequence[str]) -> str | None:
    """Return the trace that a request says it belongs to; None for what is no `traceparent`.

    A later version's is read as far as it is like ours, and rewritten: W3C has it so.
    """
    found = _TRACEPARENT.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        return None
    version, trace, parent, flags, more = found.groups()
    if version == _OURS:
        return None if more else values[0]
    return f"{_OURS}-{trace}-{parent}-{int(flags, 16) & 1:02x}"


def trace_id_of(traceparent: str | UnsetType) -> str:
    """Return the id of the trace, or ``""`` when there is none."""
    if traceparent is UNSET or not _TRACEPARENT.fullmatch(traceparent):
        return ""
    return traceparent[3:35]


class Glimpse(Struct, frozen=True):
    """What an event says of itself, as far as that can be told without reading it."""

    version: int = 0
    traceparent: str | UnsetType = UNSET


_glimpse = msgspec.json.Decoder(Glimpse)


def glimpse(raw: bytes) -> Glimpse:
    """Return what can be told of an entry, which need not be an event that we know."""
    try:
        return _glimpse.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Glimpse()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Something that was done for an order. Times are ns since 1970."""

    name: str
    traceparent: str
    began_ns: int
    ended_ns: int
    attributes: Attributes = field(default_factory=dict)
    error: Exception | None = None


class Begun(Protocol):
    """Something that is being done, and that all which follows is a child of."""

    @property
    def traceparent(self) -> str | None:
        """Return what the order's events are to carry."""
        ...

    def end(self, attributes: Attributes, error: BaseException | None = None) -> None:
        """Say what came of it."""
        ...


class Collector(Protocol):
    """Who is told what was done. Telling never waits and never fails."""

    def begin(self, name: str, traceparent: str | None) -> Begun:
        """Begin a span: in the trace of `traceparent`, or in a new one."""
        ...

    def record(self, done: Done) -> None:
        """Tell of a span that is over."""
        ...

    def close(self, within_s: float) -> None:
        """Tell what there is still to tell; what takes longer is dropped."""
        ...


_collectors: list[Collector] = []


def collect(collector: Collector | None) -> None:
    """Tell this collector from now on, or nobody."""
    _collectors[:] = [collector] if collector else []


def collector() -> Collector | None:
    """Return who is told what is done, if anybody is."""
    return _collectors[0] if _collectors else None


def attributes_of(event: OrderEvent) -> dict[str, str | int]:
    """Return what a span says of the event that it is about."""
    return {
        "slipstream.order.id": event.order_id,
        "slipstream.event.type": type(event).__name__,
        "slipstream.event.version": event.version,
    }
