"""An order's events as the forerunners' WebSocket clients expect them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from services.gateway.compat import answers
from services.gateway.compat.answers import Fields
from shared.orders.codec import decode
from shared.orders.events import OrderEvent, TransactionSigned
from shared.orders.view import Seen

Telling: TypeAlias = Callable[[Fields, Fields], Fields]

# Prices are numbers here, with every digit: two of the forerunners show them so.
_encode = msgspec.json.Encoder(decimal_format="number").encode


def with_facts(event: Fields, view: Fields) -> Fields:
    """Return our event with what is known of the order, flat (000, 003) and as `data` (001)."""
    facts = _facts(view)
    return {**event, "timestamp": event["at"], **facts, "data": facts}


def with_order(event: Fields, view: Fields) -> Fields:
    """Return our event with the whole order as it stands then (002)."""
    return {**answers.order(view), **event, "timestamp": event["at"]}


def by_name(event: Fields, view: Fields) -> Fields:
    """Return the order's status as the event's name, with what is known of the order (004)."""
    identity = {"orderId": event["orderId"], "timestamp": event["at"]}
    return {"event": event["status"], **_facts(view), **identity}


class Retelling:
    """One order as one client hears of it, from its first event on."""

    def __init__(self, telling: Telling, *, every: bool) -> None:
        """`every` event is told, or only one that changes the status."""
        self._telling = telling
        self._every = every
        self._order = Seen()
        self._status: str | None = None

    def tell(self, event: Fields) -> bytes | None:
        """Return the message about the next event, if there is to be one."""
        self._order.add(_stored(event))
        before, self._status = self._status, event["status"]
        if self._status == before and not self._every:
            return None
        return _encode(self._telling(event, self._order.shown()))


def _stored(event: Fields) -> OrderEvent:
    fields: dict[str, Any] = event
    if event["type"] == TransactionSigned.__name__:
        # The signed bytes stay inside; the fold asks for some, and shows none.
        fields = {**event, "transaction": {**event["transaction"], "payload": ""}}
    return decode(msgspec.json.encode(fields))


def _facts(view: Fields) -> Fields:
    reason = answers.failure_reason(view)
    known = {
        "chosenDex": view["venue"],
        "txHash": view["signature"],
        "executedPrice": view["price"] and Decimal(view["price"]),
        "failureReason": reason,
        "error": reason,
    }
    return {name: value for name, value in known.items() if value is not None}
