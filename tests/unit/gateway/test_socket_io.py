"""One socket's end, beside those of others."""

from __future__ import annotations

import asyncio

from starlette.types import Message
from starlette.websockets import WebSocket

from services.gateway.following.outbox import ENDED, Outbox
from services.gateway.following.socket_io import pump
from shared.concurrency.timers import Deadline


async def test_an_end_is_sent_to_all_who_follow_it_before_the_first_of_them_is_closed() -> None:
    sent: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message["type"])

    async def hear(_said: str | bytes) -> None:
        raise AssertionError

    async def serve() -> None:
        scope = {"type": "websocket", "path": "/", "headers": []}
        receive = asyncio.Queue[Message]()
        receive.put_nowait({"type": "websocket.connect"})
        websocket = WebSocket(scope, receive.get, send)
        await websocket.accept()
        outbox = Outbox(10)
        outbox.push(b"the end")
        outbox.close(ENDED)
        await pump(websocket, outbox, hear, writing)

    writing = Deadline(5)
    await asyncio.gather(*(serve() for _ in range(3)))

    told = [kind for kind in sent if kind != "websocket.accept"]
    assert told == ["websocket.send"] * 3 + ["websocket.close"] * 3
