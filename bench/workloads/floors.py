"""What Redis, PostgreSQL and uvicorn can do at best: how far each stage is from its limit."""

from __future__ import annotations

import os
import sys
from functools import partial
from time import perf_counter
from uuid import uuid4

import httpx
import psycopg
from msgspec.structs import replace

from bench.run import Bench, cost
from bench.servers import Servers, pid_of
from cli.layout import SERVICE_GRACE_S
from cli.plan import FreePorts
from cli.process import Keeper, Program
from cli.readiness import prepare_tables, until
from shared.orders.codec import encode
from shared.settings import Settings
from shared.streams.consumer.group import Group
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from tests.support.builders import history, submitted
from tests.support.replicas import submit

_BATCH = 500
_MOST_ENTRIES = 50_000
_COPY = "COPY order_events (order_id, version, type, at, event) FROM STDIN"
_CHUNK = 3_000


async def floors(bench: Bench) -> None:
    """Measure each alone, with Redis's log on disk every second."""
    async with Servers(bench.root / "floors", bench.say) as servers:
        servers.sync("everysec")
        await prepare_tables(servers.database_url)
        log = await Log.open(Settings(redis_url=servers.redis_url, database_url="none"))
        try:
            for _ in range(bench.sizes.pairs):
                await _storage(bench, servers, log)
        finally:
            await log.close()
        await _bare(bench, servers)


async def _storage(bench: Bench, servers: Servers, log: Log) -> None:
    number = min(_MOST_ENTRIES, 5 * bench.sizes.orders) // _BATCH * _BATCH
    rows = _rows(number)
    for row, work in {
        "raw XADD, events/s": partial(_xadd, log, number),
        "append script, orders/s": partial(_submit, log, number),
        "XREADGROUP and settle, events/s": partial(_settle, log, number),
        "COPY, events/s": partial(_copy, servers, rows),
    }.items():
        began = perf_counter()
        await work()
        bench.keep(f"floor: {row}", None, {"per_s": number / (perf_counter() - began)})
    servers.redis.flushall()
    await log.prepare()


async def _xadd(log: Log, number: int) -> None:
    event = history()[0]
    fields = ("type", "OrderSubmitted", "order", event.order_id, "event", encode(event))
    command = ("XADD", "slip:{floor}:log", "*", *fields)
    for _ in range(number // _BATCH):
        await log.client.run([command] * _BATCH)


async def _submit(log: Log, number: int) -> None:
    for _ in range(number // _BATCH):
        events = [submitted() for _ in range(_BATCH)]
        await submit(log, *events)


async def _settle(log: Log, number: int) -> None:
    group, step, done = Group(log, "router", "floor"), history()[1], 0
    while done < number:
        deliveries = await group.read(list(group.partitions), _BATCH // 16, 1_000)
        appends = [
            Append(
                order_id=d.order_id,
                expected=1,
                events=[replace(step, order_id=d.order_id)],
                entry_id=d.entry_id,
            )
            for d in deliveries
        ]
        await log.append("router", appends)
        done += len(deliveries)


async def _copy(servers: Servers, rows: list[tuple[object, ...]]) -> None:
    connection = await psycopg.AsyncConnection.connect(servers.database_url, autocommit=True)
    async with connection:
        for start in range(0, len(rows), _CHUNK):
            async with connection.cursor().copy(_COPY) as copy:
                for row in rows[start : start + _CHUNK]:
                    await copy.write_row(row)


def _rows(number: int) -> list[tuple[object, ...]]:
    story = [(type(event).__name__, event.at, encode(event).decode()) for event in history()]
    rows: list[tuple[object, ...]] = []
    while len(rows) < number:
        order_id = uuid4()
        rows += [(order_id, n + 1, *fields) for n, fields in enumerate(story)]
    return rows[:number]


async def _bare(bench: Bench, servers: Servers) -> None:
    port = FreePorts().take()
    keeper = Keeper(_uvicorn(servers, port), bench.say)
    await keeper.start()
    try:
        await until(lambda: _answers(port), keeper)
        for _ in range(bench.sizes.pairs):
            url, pids = f"http://127.0.0.1:{port}", {"uvicorn": pid_of(keeper)}
            driven = await bench.drivers.hello(url, pids, bench.sizes.orders)
            per_s = driven.result["accepted_per_s"]
            spent = cost(driven, bench.sizes.orders)
            bench.keep("floor: bare uvicorn, answers/s", None, {"per_s": per_s, **spent})
    finally:
        await keeper.stop()


def _uvicorn(servers: Servers, port: int) -> Program:
    words = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    loop = ("--log-level", "error", "--loop", "uvloop", "--http", "httptools")
    return Program(
        name="uvicorn",
        argv=(sys.executable, "-m", "uvicorn", "bench.bare:app", *words, *loop),
        env=os.environ,
        pid_file=servers.layout.services / "uvicorn.pid",
        log_file=servers.layout.logs / "uvicorn.log",
        grace_s=SERVICE_GRACE_S,
    )


async def _answers(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            return (await http.post(f"http://127.0.0.1:{port}/")).is_success
        except httpx.TransportError:
            return False
