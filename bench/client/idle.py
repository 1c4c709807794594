"""Many sockets at once, on an order each, or all on the same one."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from contextlib import AsyncExitStack
from datetime import datetime
from time import perf_counter, time
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket

from bench.client.wire import connect, post, websocket
from bench.cpu import rss_mb
from bench.figures import spread

_AT_ONCE = 64
_ENDS = {"confirmed", "failed"}


async def ws(asked: Namespace) -> dict[str, Any]:
    """Open `k` sockets and measure what they cost; with `same_order`, how an end spreads."""
    ids = await _place(asked)
    before, began = rss_mb(asked.pid), perf_counter()
    lags: list[float] = []
    arrivals: list[float] = []
    async with AsyncExitStack() as stack:
        room = asyncio.Semaphore(_AT_ONCE)

        async def open_one(order_id: str) -> ClientConnection:
            async with room:
                url = websocket(asked.base, asked.ws_path.replace(":id", order_id))
                return await connect_socket(url, proxy=None, compression=None)

        sockets = await asyncio.gather(*(open_one(ids[n % len(ids)]) for n in range(asked.k)))
        opened_s = perf_counter() - began
        for socket in sockets:
            stack.push_async_callback(socket.close)
        if asked.same_order:
            async with asyncio.timeout(asked.drain):
                await asyncio.gather(*(_end(socket, lags, arrivals) for socket in sockets))
        await asyncio.sleep(asked.hold)
        after = rss_mb(asked.pid)
    return {
        "k": asked.k,
        "opens_per_s": asked.k / opened_s,
        "kb_per_conn": (after - before) * 1_024 / asked.k,
        "fanout_spread_ms": 1_000 * (max(arrivals) - min(arrivals)) if arrivals else None,
        "fanout_lag_ms": {"confirmed": spread(lags)},
        "fails": 0,
    }


async def _place(asked: Namespace) -> list[str]:
    request = post(asked.base, asked.path, asked.body)
    [connection] = await connect(asked.base, 1)
    ids = []
    for _ in range(1 if asked.same_order else asked.k):
        _, body = await connection.ask(request)
        ids.append(str(json.loads(body)["orderId"]))
    connection.close()
    return ids


async def _end(socket: ClientConnection, lags: list[float], arrivals: list[float]) -> None:
    async for message in socket:
        now, event = time(), json.loads(message)
        if event.get("status") in _ENDS:
            arrivals.append(perf_counter())
            lags.append(1_000 * (now - datetime.fromisoformat(event["at"]).timestamp()))
            return
