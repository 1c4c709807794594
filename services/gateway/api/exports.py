"""Lists as files of CSV: read page by page, so that neither side holds all of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.access.callers import Caller
from services.gateway.following.outbox import WRITE_S
from services.gateway.http.csv_text import CSV, csv_lines
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.cursors import encode_cursor
from services.gateway.orders.paging import PageQuery
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.archive.lists.filters import Place
from shared.archive.lists.reading import Page
from shared.clock import utc_now

R = TypeVar("R")

logger = logging.getLogger(__name__)

AT_ONCE = 4  # Files that one gateway writes: each keeps a session of the pool busy.
PAGE = 500  # Rows read, and written, at once.
_LONGEST_S = 600.0  # Then a file is given up, however steadily its reader reads.

_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[R]):
    """A list that is wanted: how a page of it is read, and what is shown of each row."""

    name: str
    columns: tuple[str, ...]
    page: Callable[[Place | None, int], Page[R]]
    place: Callable[[R], Place]
    fields: Callable[[R], dict[str, Any]]


class Exports:
    """Writes files, up to a limit at once."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.open = 0

    def answer(self, listing: Listing[R], query: PageQuery, caller: Caller) -> Response:
        """Return the answer that is a file of all lines up to the limit.

        If there are more, its header `Link` names the address of the next file. It breaks off
        once the caller's key is revoked.
        """
        return _File(self, listing, query, caller)


class _File(Response, Generic[R]):
    """Ends like a whole file only if it is one: else the connection is cut."""

    def __init__(
        self, exports: Exports, listing: Listing[R], query: PageQuery, caller: Caller
    ) -> None:
        super().__init__()
        self._exports = exports
        self._listing = listing
        self._query = query
        self._caller = caller
        self._end: Place | None = None  # The last line's place, where that is known beforehand.
        self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines. Raises `Problem` before the first, and none later."""
        if self._exports.open >= AT_ONCE:
            raise Problem(Code.TOO_MANY_EXPORTS)
        self._exports.open += 1
        listener = asyncio.create_task(self._listen(receive))
        try:
            async with asyncio.timeout(_LONGEST_S):
                await self._write(scope, send)
        except (ArchiveUnavailable, TimeoutError) as error:
            logger.warning("a file of %s was given up: %s", self._listing.name, error or "too slow")
        finally:
            self._exports.open -= 1
            listener.cancel()

    async def _write(self, scope: Scope, send: Send) -> None:
        begun_at = utc_now()
        try:
            link = await self._find_end(scope, begun_at)
            rows = await self._read(self._query.place)
        except ArchiveUnavailable:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None
        headers = [*self._kind(begun_at), *link]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send(send, csv_lines([self._listing.columns]))
        while not (self._gone or self._caller.revoked):
            shown = [row for row in rows if self._is_within(self._listing.place(row))]
            lines = [tuple(self._listing.fields(row).values()) for row in shown]
            more = len(shown) == PAGE
            await _send(send, csv_lines(lines), more=more)
            if not more:
                return
            rows = await self._read(self._listing.place(rows[-1]))

    async def _find_end(self, scope: Scope, now: datetime) -> list[tuple[bytes, bytes]]:
        """Note where the file ends, and return the header that says so if lines are left."""
        page, most = self._listing.page(self._query.place, self._query.most + 1), self._query.most
        last = await self._exports.archive.last_of(page, most - 1)
        if len(last) <= 1:
            # What changes meanwhile would come again, for ever.
            self._end = Place(now, _LAST_ID) if self._query.ranked_by == "updated" else None
            return []
        self._end = self._listing.place(last[0])
        given = QueryParams(scope["query_string"]).multi_items()
        kept = [item for item in given if item[0] != "cursor"]
        cursor = encode_cursor(self._end, self._query.ranked_by)
        address = f"{scope['path']}?{urlencode([*kept, ('cursor', cursor)])}"
        return [(b"link", f'<{address}>; rel="next"'.encode())]

    def _kind(self, now: datetime) -> list[tuple[bytes, bytes]]:
        name = f"{self._listing.name}-{now:%Y%m%dT%H%M%SZ}.csv"
        disposition = f'attachment; filename="{name}"'
        return [(b"content-type", CSV.encode()), (b"content-disposition", disposition.encode())]

    async def _read(self, after: Place | None) -> list[R]:
        return await self._exports.archive.page(self._listing.page(after, PAGE))

    def _is_within(self, place: Place) -> bool:
        if self._end is None:
            return True
        return place <= self._end if self._query.ranked_by == "updated" else place >= self._end

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(WRITE_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})
