"""Show that one client's trouble delays nobody: `python -m bench.sockets`.

Starts a Valkey and a gateway, follows one order over each of many sockets, and lets events happen
at a steady rate. For each kind of trouble in turn it is quiet first; then one client misbehaves as
fast as it can. Prints how long events took from being published to being read, of each round and
in the end the median 99th percentiles. Ends with 1 when that beside a client that never reads is
more than twice the quiet one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.trouble import KINDS
from shared.orders.codec import encode
from shared.orders.events import OrderUnresolved
from shared.orders.view import public_json
from shared.settings import Settings
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.replicas import place_history
from tests.support.servers import free_port, redis_server

_TICK_S = 0.05
_BOUND = 2.0
_NOBODY = "postgresql://127.0.0.1:1/nobody"
_MARK = b'"detail":"'


@contextmanager
def _process(*command: str, **env: str) -> Iterator[None]:
    command = (sys.executable, "-m", *command)
    process = subprocess.Popen(command, env=os.environ | env)  # noqa: S603 - our own modules
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _gateway(redis_url: str) -> Iterator[str]:
    port = str(free_port())
    address = f"127.0.0.1:{port}"
    env = {"REDIS_URL": redis_url, "DATABASE_URL": _NOBODY, "HTTP_PORT": port}
    with _process("services.gateway", **env, LOG_LEVEL="ERROR"):
        yield address


async def _answers(address: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            return (await http.get(f"http://{address}/health")).is_success
        except httpx.TransportError:
            return False


class Traffic:
    """Orders to which something happens all the time, and how late their followers learn of it."""

    def __init__(self, log: Log, count: int) -> None:
        self._log = log
        self._stories = [history(ending="unresolved") for _ in range(count)]
        self.order_ids = [story[0].order_id for story in self._stories]
        self._last = {story[-1].order_id: story[-1] for story in self._stories}
        self.delays_ms: list[float] = []

    async def begin(self) -> None:
        """Put the orders on the log."""
        for story in self._stories:
            await place_history(self._log, story)

    async def happen(self, order_ids: Sequence[str]) -> None:
        """Let something happen to each of the orders."""
        events = [self._next(order_id) for order_id in order_ids]
        await self._log.append(
            "", [Append(order_id=e.order_id, expected=e.version - 1, events=[e]) for e in events]
        )
        now = b"%d" % time.perf_counter_ns()
        raw = [(e, encode(e).replace(_MARK + b"?", _MARK + now)) for e in events]
        told = [(e.order_id, public_json(type(e).__name__, r)) for e, r in raw]
        await self._log.client.run(self._log.publishing(told))

    def _next(self, order_id: str) -> OrderUnresolved:
        head = self._last[order_id].next(datetime.now(UTC))
        event = OrderUnresolved(**head, venue="raydium", signature="s", detail="?")
        self._last[order_id] = event
        return event

    async def read(self, socket: ClientConnection) -> None:
        """Read for ever, and note the delay of whatever was published with its time."""
        while True:
            message = await socket.recv(decode=False)
            _, found, rest = bytes(message).partition(_MARK)
            began, _, _ = rest.partition(b'"')
            if found and began.isdigit():
                self.delays_ms.append((time.perf_counter_ns() - int(began)) / 1e6)


@asynccontextmanager
async def _followed(traffic: Traffic, address: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as readers:
        tasks = []
        for order_id in traffic.order_ids:
            url = f"ws://{address}/api/orders/{order_id}/ws?since=1"
            socket = await stack.enter_async_context(connect(url, proxy=None, compression=None))
            tasks.append(readers.create_task(traffic.read(socket)))
        yield
        for task in tasks:
            task.cancel()


async def _measure(traffic: Traffic, seconds: float, rate: float) -> list[float]:
    traffic.delays_ms.clear()
    loop, turn = asyncio.get_running_loop(), 0
    each = max(1, round(rate * _TICK_S))
    began = loop.time()
    for tick in range(round(seconds / _TICK_S)):
        chosen = [traffic.order_ids[(turn + i) % len(traffic.order_ids)] for i in range(each)]
        turn += each
        await traffic.happen(chosen)
        await asyncio.sleep(max(0.0, began + (tick + 1) * _TICK_S - loop.time()))
    return list(traffic.delays_ms)


def _row(name: str, delays_ms: Sequence[float]) -> float:
    cuts = statistics.quantiles(delays_ms, n=1_000)
    p50, p99 = cuts[499], cuts[989]
    _say(f"{name:12} {len(delays_ms):8} {p50:8.2f} {p99:8.2f} {max(delays_ms):8.2f}")
    return p99


def _say(line: str) -> None:
    print(line, flush=True)


async def _compare(traffic: Traffic, kind: str, url: str, given: argparse.Namespace) -> float:
    """Return how many times as long the 99th percentile is beside this kind of trouble."""
    quiet, loud = [], []
    for _ in range(given.rounds):
        quiet.append(_row("quiet", await _measure(traffic, given.seconds, given.rate)))
        with _process("bench.trouble", kind, url):
            loud.append(_row(kind, await _measure(traffic, given.seconds, given.rate)))
    before, beside = statistics.median(quiet), statistics.median(loud)
    _say(f"{kind}: p99 {before:.2f} ms -> {beside:.2f} ms, x {beside / before:.2f}")
    return beside / before


async def _run(given: argparse.Namespace) -> int:
    with redis_server() as redis_url, _gateway(redis_url) as address:
        await eventually(lambda: _answers(address))
        log = await Log.open(Settings(redis_url=redis_url, database_url=_NOBODY))
        traffic = Traffic(log, given.sockets)
        await traffic.begin()
        _say("               events   p50 ms   p99 ms   max ms")
        async with _followed(traffic, address):
            await _measure(traffic, 2.0, given.rate)
            ratios = {
                kind: await _compare(traffic, kind, f"ws://{address}/api/orders/ws", given)
                for kind in given.kinds or KINDS
            }
        await log.close()
    return int(ratios.get("deaf", 0.0) > _BOUND)


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each measurement")
    parser.add_argument("--rate", type=float, default=500.0, help="events a second, of all orders")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("kinds", nargs="*", help=f"of trouble, of {', '.join(KINDS)}; default all")
    sys.exit(asyncio.run(_run(parser.parse_args())))


if __name__ == "__main__":
    main()
