"""Events to bytes and back. One event is one JSON object that names its type and schema."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from shared.orders.events import OrderEvent

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

# (type, schema) of an event as it was once written -> how to make it the next schema.
UPCASTS: dict[tuple[str, int], Upcast] = {}

_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[OrderEvent] = msgspec.json.Decoder(OrderEvent)


class MalformedEvent(Exception):
    """The bytes are not an event we know. Reading them again will not help."""


def encode(event: OrderEvent) -> bytes:
    """Return the event as it stands on the log, its amounts in plain notation."""
    raw = _encoder.encode(event)
    # Python writes 0.0000001 as 1E-7. Few events hold so small an amount; only they pay for it.
    if b"E" in raw and (b"E-" in raw or b"E+" in raw):
        return _encoder.encode(builtins(event))
    return raw


def builtins(value: Any) -> Any:
    """Return a value as plain JSON types, its amounts in plain notation."""
    return _plain(msgspec.to_builtins(value, builtin_types=(Decimal,)))


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case _:
            return value


def decode(raw: bytes) -> OrderEvent:
    """Return the event that `raw` holds, brought up to today's schema.

    Raises `MalformedEvent` when it is none.
    """
    try:
        return _decoder.decode(raw)
    except _UNREADABLE as error:
        return _decode_old(raw, error)


def _decode_old(raw: bytes, error: Exception) -> OrderEvent:
    try:
        fields = msgspec.json.decode(raw)
        while upcast := UPCASTS.get((fields["type"], fields["schema"])):
            fields = upcast(fields)
        event: OrderEvent = msgspec.convert(fields, OrderEvent)
    except (*_UNREADABLE, KeyError, TypeError) as cause:
        raise MalformedEvent(str(error)) from cause
    return event
