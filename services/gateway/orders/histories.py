"""Read an order's history: from Redis while it is there, else from the archive."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import msgspec

from services.gateway.access.callers import Caller
from services.gateway.http.problems import Code, Problem
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.concurrency.coalescer import Coalescer
from shared.orders.codec import MalformedEvent
from shared.orders.dispatch import worker_for
from shared.orders.events import CancelRequested, OrderEvent, OrderUnresolved
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.log.parked import due_at


class _Owned(msgspec.Struct):
    account: str


_owned = msgspec.json.Decoder(_Owned)


def check_owner(history: Sequence[bytes], caller: Caller) -> None:
    """Raise the `Problem` of an unknown order when the order is not the caller's to see.

    Raises `MalformedEvent` when nobody can tell.
    """
    try:
        account = _owned.decode(history[0]).account  # The first event names it.
    except msgspec.DecodeError as error:
        raise MalformedEvent(str(error)) from None
    if not caller.may_see(account):
        raise Problem(Code.ORDER_NOT_FOUND)


class Histories:
    """Every order's events. Reads that come at the same time share one trip to Redis."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._recent: Coalescer[str, list[bytes]] = Coalescer(log.history_to_tell)
        self._log = log
        self._archive = archive

    async def due(self, last: OrderEvent) -> datetime | None:
        """Return when the services look again at an order whose last event this is.

        None unless they have put that off, and where Redis does not tell.
        """
        # Other orders are not put off, but for ended ones.
        if not isinstance(last, OrderUnresolved | CancelRequested):
            return None
        with suppress(LogUnavailable):
            return await due_at(self._log, worker_for(last), last.order_id)
        return None

    async def read_for(self, caller: Caller, order_id: str) -> list[bytes]:
        """Return what `read` does, for an order that the caller may see; else it is unknown."""
        history = await self.read(order_id)
        check_owner(history, caller)
        return history

    async def read(self, order_id: str) -> list[bytes]:
        """Return the order's events as they stand on the log, oldest first.

        Raises `Problem`: the order is unknown, or cannot be looked up now.
        """
        # Redis first: a history leaves it only once the archive has the whole of it.
        away = False
        try:
            history = await self._recent(order_id)
        except LogUnavailable:
            history, away = [], True
        if history:
            return history
        try:
            history = await self._archive.history(order_id)
        except ArchiveUnavailable:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None
        if not history:
            raise Problem(Code.HISTORY_UNAVAILABLE if away else Code.ORDER_NOT_FOUND)
        return history
