"""Orders as a list shows them, kept up to date from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from services.gateway.streaming.told import Told
from shared.archive.archive import Archive
from shared.archive.fold import OrderRow, fold_next
from shared.archive.lists.orders import listed, summary
from shared.orders.codec import MalformedEvent, decode
from shared.orders.events import OrderEvent
from shared.streams.log.log import Log

_KEPT = 10_000  # Orders; some 20 MB.
_AT_ONCE = 100  # Histories; each is some kilobytes.


class Row:
    """An order, event after event, as the archive will list it."""

    def __init__(self, history: Sequence[OrderEvent]) -> None:
        """Begin with a whole history."""
        self._row = OrderRow(order_id=history[0].order_id)
        self._json = b""
        for event in history:
            self.add(event)

    @property
    def version(self) -> int:
        """Return how many events were folded."""
        return self._row.version

    @property
    def account(self) -> str:
        """Return whose order it is."""
        return self._row.account or ""

    def add(self, event: OrderEvent) -> None:
        """Fold the next event."""
        fold_next(self._row, event)
        self._json = b""

    def message(self) -> bytes:
        """Return the order as it stands, in JSON."""
        self._json = self._json or msgspec.json.encode(summary(listed(self._row)))
        return self._json


class Folded(NamedTuple):
    """Orders as they stand, and those that cannot be told, with why not."""

    rows: Mapping[str, Row]
    unreadable: Sequence[tuple[str, MalformedEvent]]


class Rows:
    """Knows how the orders stand that something happened to lately."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._log = log
        self._archive = archive
        self._rows: dict[str, Row] = {}

    def forget(self) -> None:
        """Forget how orders stand: what was read may not have happened on the log as it is now."""
        self._rows.clear()

    async def after(self, told: Sequence[Told]) -> Folded:
        """Return how the orders stand, after these events or later.

        Raises `ServerAway` while that cannot be looked up.
        """
        by_order: dict[str, list[Told]] = {}
        for one in told:
            by_order.setdefault(one.order_id, []).append(one)
        unreadable = []
        unknown = [order_id for order_id, some in by_order.items() if self._lacks(some[0])]
        histories = await self._histories(unknown)
        rows = {}
        for order_id, some in by_order.items():
            try:
                rows[order_id] = self._brought_up(order_id, some, histories.get(order_id, ()))
            except MalformedEvent as error:
                self._rows.pop(order_id, None)
                unreadable.append((order_id, error))
        self._make_room()
        return Folded(rows, unreadable)

    def _lacks(self, first: Told) -> bool:
        row = self._rows.get(first.order_id)
        return first.version > (row.version if row else 0) + 1

    def _brought_up(self, order_id: str, some: Sequence[Told], history: Sequence[bytes]) -> Row:
        row = self._rows.get(order_id)
        events = [decode(raw) for raw in history] or [decode(one.raw) for one in some]
        if row is None or history:
            _check(events)
            row = self._rows[order_id] = Row(events)
        for one in some:
            if one.version == row.version + 1:
                row.add(decode(one.raw))
        if row.version < some[-1].version:
            raise MalformedEvent(f"version {row.version + 1} is missing")
        return row

    async def _histories(self, order_ids: Sequence[str]) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for start in range(0, len(order_ids), _AT_ONCE):
            some = order_ids[start : start + _AT_ONCE]
            histories = dict(zip(some, await self._log.history_to_tell(some), strict=True))
            missing = [order_id for order_id, history in histories.items() if not history]
            histories |= await self._archived(missing)
            found |= histories
        return found

    async def _archived(self, order_ids: Collection[str]) -> dict[str, list[bytes]]:
        histories = await asyncio.gather(*map(self._archive.history, order_ids))
        return dict(zip(order_ids, histories, strict=True))

    def _make_room(self) -> None:
        if len(self._rows) > _KEPT:  # Those known the longest are mostly at their end.
            for order_id in list(self._rows)[: len(self._rows) - _KEPT * 9 // 10]:
                del self._rows[order_id]


def _check(events: Sequence[OrderEvent]) -> None:
    for version, event in enumerate(events, 1):
        if event.version != version:
            raise MalformedEvent(f"version {version} is missing")
