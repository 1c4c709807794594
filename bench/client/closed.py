"""Closed loops: each connection sends its next order when the last one has been answered."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections import Counter
from collections.abc import Awaitable, Callable
from time import perf_counter, time
from typing import Any

import psycopg
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket

from bench.client.wire import connect, post, websocket
from bench.figures import spread

_ACCEPTED = range(200, 300)
_MOST_S = 600.0
_SOCKETS = 8
_WINDOW = 512


class Tally:
    """How many orders were answered, how long that took, and what went wrong."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self.accepted = 0
        self.errors: Counter[str] = Counter()

    def figures(self, seconds: float) -> dict[str, Any]:
        """Return it in the words of the peer's driver."""
        return {
            "n": self.accepted + self.errors.total(),
            "secs": seconds,
            "accepted_per_s": self.accepted / seconds,
            "errors": self.errors.total(),
            "codes": dict(self.errors),
            "latency_ms": spread(self.ms),
        }


async def ingest(asked: Namespace) -> dict[str, Any]:
    """Send single POSTs, and return when all have been answered."""
    return await _timed(_singles, asked)


async def batches(asked: Namespace) -> dict[str, Any]:
    """Send batches, and return when all of their orders have been answered."""
    return await _timed(_batches, asked)


async def sockets(asked: Namespace) -> dict[str, Any]:
    """Place orders over a few sockets, and return when all have been answered."""
    return await _timed(_sockets, asked)


def to_end(submit: Callable[[Namespace, Tally], Awaitable[None]]) -> Any:
    """Return a mode that also waits for every order's end in the tables of the server."""

    async def run(asked: Namespace) -> dict[str, Any]:
        done = _Table(asked)
        before, events_before = done.count(asked.done_sql), done.count(asked.events_sql)
        tally, began, began_at = Tally(), perf_counter(), time()
        await submit(asked, tally)
        submitted_s = perf_counter() - began
        ended = 0.0
        while ended < tally.accepted and perf_counter() - began < _MOST_S:
            await asyncio.sleep(0.2)
            ended = done.count(asked.done_sql) - before
        seconds = done.count(asked.end_sql) / 1_000 - began_at
        return {
            **tally.figures(submitted_s),
            "done": ended,
            "submit_per_s": tally.accepted / submitted_s,
            "orders_per_s": ended / seconds,
            "events_per_s": (done.count(asked.events_sql) - events_before) / seconds,
            "timed_out": ended < tally.accepted,
        }

    return run


class _Table:
    def __init__(self, asked: Namespace) -> None:
        self._connection = psycopg.connect(asked.db, autocommit=True)

    def count(self, query: str) -> float:
        row = self._connection.execute(query.encode()).fetchone()
        return float(row[0]) if row else 0.0


async def _timed(
    submit: Callable[[Namespace, Tally], Awaitable[None]], asked: Namespace
) -> dict[str, Any]:
    tally, began = Tally(), perf_counter()
    await submit(asked, tally)
    return tally.figures(perf_counter() - began)


async def _singles(asked: Namespace, tally: Tally) -> None:
    request = post(asked.base, asked.path, asked.body)
    left = iter(range(asked.n))
    connections = await connect(asked.base, asked.c)

    async def work(index: int) -> None:
        for _ in left:
            began = perf_counter()
            status, _ = await connections[index].ask(request)
            tally.ms.append(1_000 * (perf_counter() - began))
            if status in _ACCEPTED:
                tally.accepted += 1
            else:
                tally.errors[str(status)] += 1

    await asyncio.gather(*(work(index) for index in range(asked.c)))
    for connection in connections:
        connection.close()


async def _batches(asked: Namespace, tally: Tally) -> None:
    body = json.dumps({"orders": [json.loads(asked.body)] * asked.batch})
    request = post(asked.base, "/api/orders/batch", body)
    left = iter(range(asked.n // asked.batch))
    connections = await connect(asked.base, asked.c)

    async def work(index: int) -> None:
        for _ in left:
            began = perf_counter()
            status, answer = await connections[index].ask(request)
            tally.ms.append(1_000 * (perf_counter() - began))
            accepted = answer.count(b'"orderId"') if status in _ACCEPTED else 0
            tally.accepted += accepted
            if accepted < asked.batch:
                tally.errors[str(status)] += asked.batch - accepted

    await asyncio.gather(*(work(index) for index in range(asked.c)))
    for connection in connections:
        connection.close()


async def _sockets(asked: Namespace, tally: Tally) -> None:
    url = websocket(asked.base, "/api/orders/ws")
    share = asked.n // _SOCKETS
    await asyncio.gather(*(_place(url, share, asked.body, tally) for _ in range(_SOCKETS)))


async def _place(url: str, orders: int, order: str, tally: Tally) -> None:
    async with connect_socket(url, proxy=None, compression=None) as socket:
        room = asyncio.Semaphore(_WINDOW)
        sent: list[float] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(_read(socket, orders, room, sent, tally))
            for n in range(orders):
                await room.acquire()
                sent.append(perf_counter())
                await socket.send(f'{{"action":"submit","order":{order},"follow":false,"id":{n}}}')


async def _read(
    socket: ClientConnection,
    orders: int,
    room: asyncio.Semaphore,
    sent: list[float],
    tally: Tally,
) -> None:
    for _ in range(orders):
        answer = json.loads(await socket.recv())
        tally.ms.append(1_000 * (perf_counter() - sent[answer["reply"]]))
        room.release()
        if "orderId" in answer:
            tally.accepted += 1
        else:
            tally.errors[answer["error"]["code"]] += 1


SUBMIT = {"e2e": _singles, "batch-e2e": _batches, "socket-e2e": _sockets}
