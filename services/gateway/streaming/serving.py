"""The stream's two forms: over a WebSocket, and as server-sent events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from services.gateway.access.callers import Caller, caller_of
from services.gateway.following.hub import UpdateHub
from services.gateway.following.outbox import BROKEN, TOO_SLOW, Outbox
from services.gateway.following.server_sent_events import Streams
from services.gateway.following.socket_io import refuse
from services.gateway.following.websockets import Sockets
from services.gateway.http.problems import Code, Problem
from services.gateway.streaming.asked import Asked, asked_in
from services.gateway.streaming.cursor import Cursor
from services.gateway.streaming.feed import Feed
from services.gateway.streaming.followers import EveryEvent, Follower, NewestState
from services.gateway.streaming.news import Framing, as_event, over_socket
from services.gateway.streaming.resuming import Resuming
from shared.errors import ServerAway

logger = logging.getLogger(__name__)

_PAGES = 8  # Of the past that may wait for a client, of some 64 KiB each.


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStreams:
    """Serves everybody who follows an account, as one of this gateway's sockets or streams."""

    feed: Feed
    resuming: Resuming
    hub: UpdateHub
    sockets: Sockets
    streams: Streams
    partitions: int

    async def socket(self, websocket: WebSocket) -> None:
        """Send what happens to the account's orders, until the client leaves."""
        async with self.sockets.let_in(websocket) as let_in:
            if not let_in:
                return
            try:
                caller = caller_of(websocket)
                asked = asked_in(websocket, caller, self.partitions)
                async with self._following(caller, asked, over_socket) as outbox:
                    await self.sockets.tell(websocket, outbox)
            except Problem as problem:
                await refuse(websocket, problem)

    def events(self, request: Request) -> Response:
        """Return the answer that streams what happens to the account's orders.

        Raises `Problem`.
        """
        caller = caller_of(request)
        asked = asked_in(request, caller, self.partitions)
        return self.streams.answer(self._following(caller, asked, as_event))

    @asynccontextmanager
    async def _following(
        self, caller: Caller, asked: Asked, framing: Framing
    ) -> AsyncIterator[Outbox]:
        with self.hub.client(caller) as outbox:
            follower = _follower(asked, outbox, framing)
            beginning = None
            try:
                if asked.cursor is None:
                    await self._join(follower)
                else:
                    beginning = asyncio.create_task(self._resume(follower, asked.cursor, outbox))
                yield outbox
            finally:
                if beginning:
                    beginning.cancel()
                    await asyncio.wait([beginning])
                self.feed.leave(follower)

    async def _join(self, follower: Follower) -> None:
        try:
            await self.feed.join(follower)
        except ServerAway:
            raise Problem(Code.HISTORY_UNAVAILABLE) from None

    async def _resume(self, follower: Follower, cursor: Cursor, outbox: Outbox) -> None:
        try:
            await self.resuming.resume(follower, cursor, partial(outbox.has_room, _PAGES))
        except ServerAway as error:
            logger.warning("a follower of an account cannot go on now: %s", error)
            outbox.close(TOO_SLOW)  # 1013 means "try again later" either way.
        except BaseException:
            outbox.close(BROKEN)
            raise


def _follower(asked: Asked, outbox: Outbox, framing: Framing) -> Follower:
    if asked.period_s is None:
        return EveryEvent(outbox, asked.account, framing)
    return NewestState(outbox, asked.account, framing, asked.period_s)
