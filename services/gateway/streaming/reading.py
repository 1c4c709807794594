"""From entries of the log to news that followers can be told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from services.gateway.streaming.cursor import Cursor
from services.gateway.streaming.news import News, Run, read_entries
from services.gateway.streaming.owners import Owners
from services.gateway.streaming.rows import Rows
from shared.archive.archive import Archive
from shared.observability.log_context import about
from shared.streams.log.log import Log

logger = logging.getLogger(__name__)


class Read(NamedTuple):
    """News, and whether there is something that cannot be told."""

    news: News
    at: Cursor  # Behind them.
    is_whole: bool


class Reader:
    """Finds out whose events are, and how their orders stand. Raises `ServerAway`."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._owners = Owners(log, archive)
        self._rows = Rows(log, archive)

    def forget(self) -> None:
        """Forget what a log that has lost something may tell otherwise."""
        self._rows.forget()

    async def news(self, at: Cursor, runs: Sequence[Run], *, rows: bool) -> Read:
        """Return what entries say that come right behind `at`.

        With `rows` also how the orders stand that they are about.
        """
        taken = read_entries(entry for run in runs for entry in run.entries)
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
        at = at.moved({run.partition: run.entries[-1].id for run in runs})
        return Read(News(told, at, states), at, not unreadable)
