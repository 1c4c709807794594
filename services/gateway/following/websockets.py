"""The WebSockets: who is let in, and what each address is for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.gateway.access.callers import caller_of
from services.gateway.following.hub import UpdateHub
from services.gateway.following.messages import PONG, Ping, read_said
from services.gateway.following.outbox import WRITE_S, Outbox
from services.gateway.following.position import checked_since
from services.gateway.following.session import Desk, Session
from services.gateway.following.socket_io import pump, refuse
from services.gateway.following.subscriptions import Subscriptions
from services.gateway.http.answers import checked_id, given_once
from services.gateway.http.problems import Code, Problem
from shared.concurrency.timers import Deadline
from shared.observability.metrics import SOCKETS
from shared.settings import GatewaySettings


class Sockets:
    """Serves every WebSocket of this gateway, up to a limit."""

    def __init__(self, hub: UpdateHub, desk: Desk, settings: GatewaySettings) -> None:
        self._hub = hub
        self._desk = desk
        self._limit = settings.max_sockets
        self._subscriptions = settings.max_subscriptions
        self._open = 0
        self._writing = Deadline(WRITE_S)

    @property
    def connections(self) -> int:
        """Return how many clients are connected."""
        return self._open

    async def one(self, websocket: WebSocket) -> None:
        """Send the events of the order that the path names, until it ends."""
        await self._follow(websocket, websocket.path_params["order_id"])

    async def execute(self, websocket: WebSocket) -> None:
        """Send the events of the order that the query names; without one, serve many."""
        if "orderId" in websocket.query_params:
            await self._follow(websocket)
        else:
            await self.many(websocket)

    async def _follow(self, websocket: WebSocket, order_id: str | None = None) -> None:
        async with self.let_in(websocket) as let_in:
            if not let_in:
                return
            try:
                query = websocket.query_params
                since = checked_since("it", given_once(query, "since", Code.INVALID_SINCE))
                order_id = order_id or given_once(query, "orderId", Code.INVALID_ORDER_ID) or ""
                async with self._hub.following(
                    caller_of(websocket), checked_id(order_id), since
                ) as outbox:
                    await self.tell(websocket, outbox)
            except Problem as problem:
                await refuse(websocket, problem)

    async def many(self, websocket: WebSocket) -> None:
        """Do what the client asks for, and send the events of all orders that it follows."""
        async with self.let_in(websocket) as let_in:
            if not let_in:
                return
            with self._hub.client(caller_of(websocket)) as outbox:
                session = self._session(websocket, outbox)
                doing = asyncio.create_task(session.run())
                try:
                    await pump(websocket, outbox, session.hear, self._writing)
                finally:
                    doing.cancel()
                    await asyncio.wait([doing])

    async def tell(self, websocket: WebSocket, outbox: Outbox) -> None:
        """Send what waits for a client that has nothing to say, until it is over."""
        await pump(websocket, outbox, partial(_hear, outbox), self._writing)

    def _session(self, websocket: WebSocket, outbox: Outbox) -> Session:
        caller, limit = caller_of(websocket), self._subscriptions
        subscriptions = Subscriptions(caller, outbox, self._hub, limit=limit)
        return Session(caller, outbox, subscriptions, self._desk)

    @asynccontextmanager
    async def let_in(self, websocket: WebSocket) -> AsyncIterator[bool]:
        """Accept a client, for as long as the context is open, unless there are too many."""
        if self._open >= self._limit or self._hub.leaving:
            await websocket.send_denial_response(Problem(Code.TOO_MANY_SOCKETS).response())
            # Uvicorn takes a refusal for a failure unless it has seen the connection close.
            await asyncio.sleep(0)
            yield False
            return
        self._open += 1
        try:
            with SOCKETS.track_inprogress():
                await websocket.accept()
                yield True
        except (WebSocketDisconnect, TimeoutError):
            pass  # The client is gone, or does not even take the close.
        finally:
            self._open -= 1


async def _hear(outbox: Outbox, said: str | bytes) -> None:
    await outbox.has_room()
    if isinstance(read_said(said), Ping):
        outbox.answer(PONG)
    else:
        how = 'send {"action":"ping"}, or nothing; /api/orders/ws takes more'
        outbox.answer(Problem(Code.INVALID_MESSAGE, how).document())
