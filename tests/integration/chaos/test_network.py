"""The hostile network of the chaos harness does to real servers what it says."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import psycopg
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Broken

from shared.streams.redis.connections import packed
from tests.chaos.servers import Database
from tests.chaos.wire import Server, Wire
from tests.support.eventually import eventually

NEVER = Retry(NoBackoff(), 0)
ADD_ONE = "return redis.call('INCR', KEYS[1])"


@asynccontextmanager
async def wired(server: Server) -> AsyncIterator[Wire]:
    wire = Wire(server)
    await wire.listen()
    try:
        yield wire
    finally:
        await wire.close()


@pytest.fixture
async def wire(redis_url: str) -> AsyncIterator[Wire]:
    server = Server("Redis", urlsplit(redis_url).port or 6379, writes=b"EVAL", sessions=False)
    async with wired(server) as wire:
        yield wire


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@asynccontextmanager
async def behind(wire: Wire) -> AsyncIterator[Redis]:
    """Return a client that has connected by way of the wire, and tries nothing twice."""
    async with Redis(port=wire.port, socket_timeout=60, retry=NEVER) as client:
        await client.ping()
        yield client


async def added(client: Redis, key: str) -> int:
    answer: int = await client.eval(ADD_ONE, 1, key)
    return answer


async def test_what_was_held_arrives_though_its_sender_hung_up(
    wire: Wire, redis: Redis, namespace: str
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    await eventually(lambda: len(wire.links))
    [link] = wire.links
    link.near.hold()
    writer.write(packed([("EVAL", ADD_ONE, 1, namespace)]))
    writer.close()
    await eventually(lambda: link.near.gone)
    before = await redis.get(namespace)
    link.near.release()
    await eventually(lambda: link not in wire.links)

    assert before is None
    assert await redis.get(namespace) == b"1"


async def test_answers_that_were_held_come_in_order(
    wire: Wire, redis: Redis, namespace: str
) -> None:
    async with behind(wire) as client:
        [link] = wire.links
        link.far.hold()
        async with client.pipeline(transaction=False) as pipeline:
            for number in range(100):
                pipeline.rpush(namespace, number)
            answers = asyncio.create_task(pipeline.execute())
            await eventually(lambda: _are(redis, namespace, 100))
            were_held = not answers.done()
            link.far.release()

            assert await answers == list(range(1, 101))
            assert were_held


async def _are(redis: Redis, key: str, length: int) -> bool:
    found: int = await redis.llen(key)
    return found == length


async def test_a_link_is_reset_once_its_request_was_carried_out(
    wire: Wire, redis: Redis, namespace: str
) -> None:
    seen: list[bytes] = []
    wire.doom(1, seen.append)
    async with behind(wire) as client:
        with pytest.raises(Broken):
            await added(client, namespace)
        once = await redis.get(namespace)
        again = await added(client, namespace)

    assert (once, again) == (b"1", 2)
    [request] = seen
    assert ADD_ONE.encode() in request


async def test_what_was_carried_out_is_repeated_byte_for_byte(
    wire: Wire, redis: Redis, namespace: str
) -> None:
    async with behind(wire) as client:
        await added(client, namespace)
    [sent] = wire.traffic.some(Random(1), most=1)
    await wire.server.deliver(sent)

    assert await redis.get(namespace) == b"2"


async def test_a_replica_that_is_cut_off_is_let_in_again(wire: Wire) -> None:
    async with behind(wire) as client:
        wire.cut()
        for _ in range(2):
            with pytest.raises(Broken):
                await client.ping()
        await wire.listen()

        assert await client.ping()


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # Not tmp_path: too long for a socket's name.
    database = Database(folder)
    try:
        await database.start()
        yield database
    finally:
        database.clean()
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_session_of_postgres_is_repeated(database: Database) -> None:
    async with wired(database.server) as wire:
        async with await psycopg.AsyncConnection.connect(database.url_at(wire.port)) as client:
            await client.execute("CREATE TABLE IF NOT EXISTS numbers (number int)")
            await client.execute("INSERT INTO numbers VALUES (%s)", [7])
        [sent] = wire.traffic.some(Random(1), most=1)
        await wire.server.deliver(sent)
    async with await psycopg.AsyncConnection.connect(database.url) as client:
        rows = await (await client.execute("SELECT number FROM numbers")).fetchall()

    assert rows == [(7,), (7,)]
