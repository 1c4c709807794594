"""What clients ask for, each in a way that tells afterwards which request made which order."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from shared.orders.order import Order
from tests.support.gateway import ORDER

NAMELESS = ""
_LARGE, _ONE_IN = "600.5", 8  # SOL that several pools share, and how often.


@dataclass(frozen=True, slots=True)
class Wish:
    """One order as it is asked for. `key` stands for it in the records."""

    key: str
    body: dict[str, Any]


class Wishes:
    """Makes them."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def of(self, name: str) -> Wish:
        """Return an order of this name, the same each time; for no name, another one each time.

        Nothing but its amount tells an order without a name from the others.
        """
        if name != NAMELESS:
            large = {"amountIn": _LARGE} if crc32(name.encode()) % _ONE_IN == 0 else {}
            return Wish(name, {**ORDER, **large, "clientOrderId": name})
        amount = f"1.{next(self._numbers)}1"  # No two are equal, and none ends in a zero.
        return Wish(amount, {**ORDER, "amountIn": amount})


def key_of(order: Order) -> str:
    """Return the key under which the order was asked for."""
    return order.client_order_id or f"{order.intent.amount_in.normalize():f}"


def is_nameless(key: str) -> bool:
    """Return whether this is the key of one request for an order without a name."""
    return key.startswith("1.")
