"""An open loop: orders at a fixed rate, each followed over a socket to its end.

Times count from when an order was due, so that a server that stalls is not spared the orders that
would have come meanwhile (coordinated omission).
"""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket

from bench.client.wire import Connection, connect, post, websocket
from bench.figures import spread

_STEPS = ("pending", "routing", "building", "submitted", "confirmed")
_CONNECTIONS = 32
_DRAIN_S = 30.0


@dataclass(slots=True)
class _Order:
    due: float
    sent: float = 0.0
    answered: float = 0.0
    seen: dict[str, float] = field(default_factory=dict)


class _Run:
    def __init__(self, asked: Namespace) -> None:
        self.asked = asked
        self.orders: list[_Order] = []
        self.errors = 0
        self._confirmed = 0
        self._by_id: dict[str, _Order] = {}
        self._request = post(asked.base, asked.path, asked.body)
        self._idle: asyncio.Queue[Connection] = asyncio.Queue()
        self._ended = asyncio.Event()

    async def go(self) -> None:
        """Place every order when it is due, and wait for the ends."""
        asked, loop = self.asked, asyncio.get_running_loop()
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for connection in await connect(asked.base, _CONNECTIONS):
                self._idle.put_nowait(connection)
                stack.callback(connection.close)
            follow, readers = await self._followers(stack, group)
            under_way = []
            began = loop.time() + 0.05
            for n in range(round(asked.rate * (asked.secs + asked.warmup))):
                due = n / asked.rate
                await asyncio.sleep(max(0.0, began + due - loop.time()))
                order = _Order(perf_counter() - (loop.time() - began - due))
                self.orders.append(order)
                under_way.append(group.create_task(self._place(order, follow)))
            await asyncio.wait(under_way, timeout=_DRAIN_S)
            await self._drain()
            for task in (*under_way, *readers):
                task.cancel()

    async def _drain(self) -> None:
        self._ended.clear()
        if not self.missing():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await self._ended.wait()

    def missing(self) -> int:
        """Return how many orders have not been seen to end."""
        return len(self.orders) - self.errors - self._confirmed

    async def _followers(
        self, stack: AsyncExitStack, group: asyncio.TaskGroup
    ) -> tuple[Callable[[str], Coroutine[Any, Any, None]], list[asyncio.Task[None]]]:
        if self.asked.sub == "ws":
            return self._follow_alone, []
        url = websocket(self.asked.base, "/api/orders/ws")
        socket = await stack.enter_async_context(connect_socket(url, proxy=None, compression=None))

        async def follow(order_id: str) -> None:
            await socket.send(self.asked.mux_msg.replace("$ID", order_id))

        return follow, [group.create_task(self._read(socket))]

    async def _place(
        self, order: _Order, follow: Callable[[str], Coroutine[Any, Any, None]]
    ) -> None:
        connection = await self._idle.get()
        order.sent = perf_counter()
        status, body = await connection.ask(self._request)
        order.answered = perf_counter()
        self._idle.put_nowait(connection)
        if status not in range(200, 300):
            self.errors += 1
            return
        order_id = json.loads(body)["orderId"]
        self._by_id[order_id] = order
        await follow(order_id)

    async def _follow_alone(self, order_id: str) -> None:
        url = websocket(self.asked.base, self.asked.ws_path.replace(":id", order_id))
        async with connect_socket(url, proxy=None, compression=None) as socket:
            await self._read(socket)

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            now, event = perf_counter(), json.loads(message)
            order = self._by_id.get(event.get("orderId", ""))
            if order is not None and "status" in event:
                if event["status"] not in order.seen:
                    order.seen[event["status"]] = now
                    self._confirmed += event["status"] == "confirmed"
                if not self.missing():
                    self._ended.set()


async def latency(asked: Namespace) -> dict[str, Any]:
    """Measure how long after its POST an order's end is seen, and each step on the way."""
    run = _Run(asked)
    await run.go()
    measured = run.orders[round(asked.rate * asked.warmup) :]
    hops: dict[str, list[float]] = defaultdict(list)
    for order in measured:
        for one, other in pairwise(_STEPS):
            if one in order.seen and other in order.seen:
                hops[f"{one}>{other}"].append(1_000 * (order.seen[other] - order.seen[one]))
    return {
        "errors": run.errors,
        "missing": run.missing(),
        "driver_lag_ms": spread([1_000 * (o.sent - o.due) for o in measured if o.sent]),
        "post_ms": spread([1_000 * (o.answered - o.due) for o in measured if o.answered]),
        "post_to_confirmed_ms": spread(
            [1_000 * (o.seen["confirmed"] - o.due) for o in measured if "confirmed" in o.seen]
        ),
        "hop_received_ms": {name: spread(ms) for name, ms in hops.items()},
    }
