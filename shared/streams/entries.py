"""Entries as Redis gives them, made into deliveries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from msgspec.structs import replace

from shared.orders.codec import MalformedEvent, decode
from shared.orders.events import EVENT_TYPES
from shared.streams.delivery import Delivery, Written

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
