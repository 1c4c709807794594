"""Those who follow an account: what each is told of the news, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import msgspec

from services.gateway.following.outbox import Outbox
from services.gateway.streaming.news import Framing, News
from services.gateway.streaming.rows import Row
from shared.clock import rfc3339
from shared.observability.metrics import STREAM_LOSSES

_ROWS = 200  # In one message: some 150 kilobytes.
_MOST_ROWS = 2_000  # Orders that wait for the end of a period; with more, it ends early.


NOT_ON_THE_LOG = "the log does not go back so far any more"
UNREADABLE = "an event on the log cannot be shown"

# An event is on the log some time after it was made: a look from so far back has all that was lost.
_MARGIN = timedelta(minutes=1)


class Lost(NamedTuple):
    """History that cannot be told: from `since` to now, and why."""

    since: datetime
    why: str


def lost_since(at_ms: int, why: str) -> Lost:
    """Return what is lost of what came after the log was read at `at_ms` (ms since 1970)."""
    return Lost(datetime.fromtimestamp(at_ms / 1_000, UTC) - _MARGIN, why)


class Follower(Protocol):
    """One client of the stream."""

    wants_rows: bool

    def open(self, epoch: str, cursor: str) -> None:
        """Say where the stream begins."""

    def take(self, news: News) -> None:
        """Queue what has happened, as far as the client may see it."""

    def recall(self, news: News) -> None:
        """Queue what happened before, likewise: a long past is no reason to call it slow."""

    def lose(self, lost: Lost, epoch: str, cursor: str) -> None:
        """Say what is missing; the stream goes on behind it."""

    def rest(self, cursor: str) -> None:
        """Give a sign of life, unless there was one since the last rest."""

    def leave(self) -> None:
        """Queue nothing more."""


class _Client:
    wants_rows = False

    def __init__(self, outbox: Outbox, account: str | None, framing: Framing) -> None:
        self.account = account
        self._outbox = outbox
        self._framing = framing
        self._spoke = True

    def open(self, epoch: str, cursor: str) -> None:
        first = {"stream": "open", "epoch": epoch, "cursor": cursor, "account": self.account}
        self._say(cursor, msgspec.json.encode(first))

    def lose(self, lost: Lost, epoch: str, cursor: str) -> None:
        STREAM_LOSSES.inc()
        what = {"since": rfc3339(lost.since), "why": lost.why}
        told = {"lost": what, "epoch": epoch, "cursor": cursor}
        self._say(cursor, msgspec.json.encode(told))

    def rest(self, cursor: str) -> None:
        if not self._spoke:
            self._say(cursor, b'{"cursor":"%s"}' % cursor.encode())
        self._spoke = False

    def _say(self, cursor: str, message: bytes) -> None:
        self._spoke = True
        self._outbox.push(self._framing(cursor, message))


class EveryEvent(_Client):
    """Is told each event, those that came together in one message."""

    def take(self, news: News) -> None:
        """Queue the events of its account."""
        if message := news.message(self.account, self._framing):
            self._spoke = True
            self._outbox.push(message)

    def recall(self, news: News) -> None:
        """Queue the events of its account that it has missed."""
        if message := news.message(self.account, self._framing):
            self._outbox.answer(message)

    def leave(self) -> None:
        """Do nothing: nothing is kept."""


class NewestState(_Client):
    """Is told how orders stand that have changed, once a period. It begins with a change."""

    wants_rows = True

    def __init__(
        self, outbox: Outbox, account: str | None, framing: Framing, period_s: float
    ) -> None:
        super().__init__(outbox, account, framing)
        self._period_s = period_s
        self._changed: dict[str, Row] = {}
        self._told = ""  # The cursor behind what was sent.
        self._last: News | None = None  # Behind it lies all that has changed.
        self._end: asyncio.TimerHandle | None = None

    def open(self, epoch: str, cursor: str) -> None:
        """Say where the stream begins."""
        self._told = cursor
        super().open(epoch, cursor)

    def take(self, news: News) -> None:
        """Note which orders have changed."""
        mine = {
            order_id: row
            for order_id, row in news.rows.items()
            if self.account in (None, row.account)
        }
        self._changed |= mine
        self._last = news
        if len(self._changed) >= _MOST_ROWS:
            self._flush()
        elif mine and self._end is None:
            loop = asyncio.get_running_loop()
            self._end = loop.call_later(self._period_s, self._flush)

    def recall(self, news: News) -> None:
        """Note which orders have changed meanwhile."""
        self.take(news)

    def lose(self, lost: Lost, epoch: str, cursor: str) -> None:
        """Say what is missing, after what is not."""
        self._flush()
        self._told = cursor
        super().lose(lost, epoch, cursor)

    def rest(self, cursor: str) -> None:
        """Give a sign of life, unless something is about to be said."""
        if not self._changed:
            self._told = cursor
            super().rest(cursor)

    def leave(self) -> None:
        """Let the period go."""
        self._changed.clear()
        if self._end:
            self._end.cancel()

    def _flush(self) -> None:
        self._stop_waiting()
        reached = self._last.cursor if self._last else self._told
        rows = [row.message() for row in self._changed.values()]
        self._changed.clear()
        for some, is_last in _runs(rows):
            # Who resumes in between gets all of them again: they are states, not events.
            cursor = reached if is_last else self._told
            body = b'{"orders":[%s],"cursor":"%s"}' % (b",".join(some), cursor.encode())
            self._say(cursor, body)
        self._told = reached

    def _stop_waiting(self) -> None:
        if self._end:
            self._end.cancel()
        self._end = None


def _runs(rows: Sequence[bytes]) -> Iterator[tuple[Iterable[bytes], bool]]:
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS], start + _ROWS >= len(rows)
