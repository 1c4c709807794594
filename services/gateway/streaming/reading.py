"""From entries of the log to news that followers can be told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from services.gateway.streaming.cursor import Cursor
from services.gateway.streaming.news import News, read_entries
from services.gateway.streaming.owners import Owners
from services.gateway.streaming.rows import Rows
from shared.archive.archive import Archive
from shared.observability.log_context import about
from shared.streams.log.log import Log
from shared.streams.log.tail import Entry, Places

logger = logging.getLogger(__name__)


class Read(NamedTuple):
    """News of one partition, and whether there is something that cannot be told."""

    news: News
    at: Cursor  # Behind them.
    is_whole: bool


class Reader:
    """Finds out whose events are, and how their orders stand. Raises `ServerAway`."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._owners = Owners(log, archive)
        self._rows = Rows(log, archive)

    async def news(
        self, at: Cursor, partition: int, entries: Sequence[Entry], *, rows: bool
    ) -> Read:
        """Return what entries of a partition say, which come right behind `at`.

        With `rows` also how the orders stand that they are about.
        """
        taken = read_entries(partition, entries)
        told, unreadable = await self._owners.named(taken.told), [*taken.unreadable]
        states = None
        if rows:
            states, wrong = await self._rows.after(told)
            unreadable += wrong
        for order_id, error in unreadable:
            logger.error(
                *("order %s has an event that cannot be shown: %s", order_id, error),
                extra=about(order_id),
            )
        at = at._replace(places=_moved(at.places, partition, entries[-1]))
        return Read(News(told, at, states), at, not unreadable)


def _moved(places: Places, partition: int, last: Entry) -> Places:
    return (*places[:partition], last.id, *places[partition + 1 :])
