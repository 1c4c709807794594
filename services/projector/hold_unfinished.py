"""Entries of unfinished orders, which a busy projector holds back until their order ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.orders.dispatch import CONTINUES
from shared.streams.consumer.deliveries import Delivery

_GOING_ON = frozenset(kind.__name__ for kind in CONTINUES)


class _Kept(NamedTuple):
    since_s: float
    deliveries: list[Delivery]


class HoldUnfinished:
    """Holds entries of orders that go on, so that a row is written fewer times.

    What is stored is the same in whatever order it comes, and what is kept stays pending.
    """

    def __init__(self, *, many: int, most: int, longest_s: float) -> None:
        """Keep some where at least `many` come at once, up to `most`, for up to `longest_s`."""
        self.most = most
        self._many = many
        self._longest_s = longest_s
        self._kept: dict[str, _Kept] = {}  # By order, the longest kept first.
        self._size = 0

    def take(self, came: Sequence[Delivery], now_s: float) -> list[Delivery]:
        """Return what is to be stored now, of what came and what was kept; keep the rest.

        `now_s` is the time by any clock that does not go back.
        """
        are_many, taken = len(came) >= self._many, []
        for delivery in came:
            if are_many and delivery.type in _GOING_ON and delivery.attempt == 1:
                self._keep(delivery, now_s)
            else:
                taken.append(delivery)
        taken += self._let_go([delivery.order_id for delivery in taken])
        taken += self._let_go(self._overdue(now_s - self._longest_s))
        return taken

    def rest(self) -> list[Delivery]:
        """Return all that is kept, and keep it no longer."""
        return self._let_go([*self._kept])

    def _keep(self, delivery: Delivery, now_s: float) -> None:
        if delivery.order_id not in self._kept:
            self._kept[delivery.order_id] = _Kept(now_s, [])
        self._kept[delivery.order_id].deliveries.append(delivery)
        self._size += 1

    def _overdue(self, until_s: float) -> list[str]:
        overdue, too_many = [], self._size - self.most
        for order_id, kept in self._kept.items():
            if kept.since_s > until_s and too_many <= 0:
                break
            overdue.append(order_id)
            too_many -= len(kept.deliveries)
        return overdue

    def _let_go(self, order_ids: Iterable[str]) -> list[Delivery]:
        gone = []
        for order_id in order_ids:
            if kept := self._kept.pop(order_id, None):
                gone += kept.deliveries
        self._size -= len(gone)
        return gone
