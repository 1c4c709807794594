"""One client's WebSocket: its subscriptions, and the messages that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from devchain.rpc.calls import Call, failed, read
from devchain.rpc.errors import METHOD_NOT_FOUND, RpcError, invalid
from devchain.rpc.node import Node
from devchain.server import limits
from devchain.server.subscriptions import ENDINGS, KINDS, Subscription

_TOO_SLOW = 1013


class Session:
    """What one client has asked for. Nothing in here waits for the client."""

    def __init__(self, node: Node) -> None:
        self.waiting: asyncio.Queue[str] = asyncio.Queue(limits.WAITING)
        self.dropped = asyncio.Event()
        self._node = node
        self._subscriptions: dict[int, Subscription] = {}
        self._numbers = 0

    def take(self, message: str) -> None:
        """Do what a message asks for."""
        request = read(message)
        answers = [each for call in request.calls if (each := self._answer(call))]
        if request.is_batch and answers:
            answers = [f"[{','.join(answers)}]"]
        for each in answers:
            self._tell(each)
        self.look()

    def look(self) -> None:
        """Tell the client what is new."""
        if not self._subscriptions or self.dropped.is_set():
            return
        view = self._node.view("")
        for subscription in list(self._subscriptions.values()):
            if news := subscription.news(view):
                self._tell(
                    f'{{"jsonrpc":"2.0","method":"{subscription.name}","params":{news.to_json()}}}'
                )
            if subscription.is_over:
                del self._subscriptions[subscription.number]

    def _answer(self, call: Call) -> str:
        try:
            if call.error:
                raise call.error
            if call.method in KINDS:
                said = msgspec.json.encode(self._subscribe(call)).decode()
            elif call.method in ENDINGS:
                said = self._unsubscribe(call)
            else:
                raise METHOD_NOT_FOUND
        except RpcError as error:
            return failed(error, call.id) if call.id else ""
        return f'{{"jsonrpc":"2.0","result":{said},"id":{call.id}}}' if call.id else ""

    def _subscribe(self, call: Call) -> int:
        if len(self._subscriptions) >= limits.SUBSCRIPTIONS:
            raise RpcError(-32600, f"at most {limits.SUBSCRIPTIONS} subscriptions a WebSocket")
        self._numbers += 1
        kind = KINDS[call.method]
        subscription = kind(self._numbers, self._node.view(call.method), call.params)
        self._subscriptions[self._numbers] = subscription
        return self._numbers

    def _unsubscribe(self, call: Call) -> str:
        number = call.params.integer(0)
        if not isinstance(self._subscriptions.get(number), ENDINGS[call.method]):
            raise invalid("Invalid subscription id.")
        del self._subscriptions[number]
        return "true"

    def _tell(self, message: str) -> None:
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._subscriptions.clear()
            self.dropped.set()


async def serve(socket: WebSocket, node: Node) -> None:
    """Serve a client until it leaves, or has not read for too long."""
    await socket.accept()
    session = Session(node)
    listeners: list[Callable[[], None]] = node.chain.listeners
    listeners.append(session.look)
    try:
        await _first(_receive(socket, session), _send(socket, session), session.dropped.wait())
        if session.dropped.is_set():
            # It does not read, so that even this has to be cut short.
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.GRACE_S):
                    await socket.close(_TOO_SLOW, "too slow")
    finally:
        listeners.remove(session.look)


async def _receive(socket: WebSocket, session: Session) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            session.take(await socket.receive_text())


async def _send(socket: WebSocket, session: Session) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(await session.waiting.get())


async def _first(*endless: Coroutine[Any, Any, Any]) -> None:
    """Run all until the first has ended."""
    tasks = [asyncio.create_task(each) for each in endless]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
