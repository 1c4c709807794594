"""Read an order's history: from Redis while it is there, else from the archive."""

from __future__ import annotations

import re

from services.gateway.problems import Code, Problem
from shared.archive.errors import ArchiveUnavailable
from shared.archive.postgres import Archive
from shared.batching import Coalescer
from shared.streams.errors import LogUnavailable
from shared.streams.log import Log

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def checked_id(order_id: str) -> str:
    """Return the id as the log spells it. Raises `Problem` when it cannot be one."""
    order_id = order_id.lower()
    if not _UUID.fullmatch(order_id):
        raise Problem(Code.INVALID_ORDER_ID)
    return order_id


class Histories:
    """Every order's events. Reads that come at the same time share one trip to Redis."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._recent: Coalescer[str, list[bytes]] = Coalescer(log.history)
        self._archive = archive

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
