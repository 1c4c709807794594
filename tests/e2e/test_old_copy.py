"""Redis comes back as it was yesterday: nothing is done again until a person says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.streams.log.log import Log
from shared.streams.redis.keys import Keys
from tests.support.archive import rows
from tests.support.cli import command
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER
from tests.support.processes import EVERY_SERVICE, Service, Services, StackSettings, environment
from tests.support.replicas import placed, types_of
from tests.support.servers import Valkey

LOST = "lost what it had acknowledged"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    (tmp_path / "redis").mkdir()
    server = Valkey(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(stack_settings: StackSettings, valkey: Valkey) -> StackSettings:
    return stack_settings.model_copy(update={"redis_url": valkey.url, "namespace": "slip"})


async def place(gateway: Service, count: int) -> list[str]:
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}", timeout=20) as http:
        answers = [await http.post(EXECUTE, json=ORDER) for _ in range(count)]
    return [answer.json()["orderId"] for answer in answers]


def refusal(service: Service, path: str = "/health/ready") -> str:
    """Return why a service is not ready; nothing while it does not answer, or is."""
    try:
        answer = httpx.get(f"http://{service.address}{path}", timeout=5)
    except httpx.TransportError:
        return ""
    return answer.text if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else ""


async def archived(settings: StackSettings, condition: str, count: int) -> None:
    query = f"SELECT count(*)::int FROM orders WHERE {condition}"
    await eventually(lambda: rows(settings.database_url, query) == [(count,)], within_s=30)


def partitions_of(settings: StackSettings, order_ids: Sequence[str]) -> int:
    keys = Keys(settings.namespace, settings.partitions)
    return len({keys.partition_of(order_id) for order_id in order_ids})


async def positions(
    settings: StackSettings, wanted: Callable[[set[Any]], bool]
) -> set[tuple[int, int, int]]:
    """Return how far each partition is noted as archived, once that is as wanted."""
    query = "SELECT partition, ms, seq FROM log_positions"
    await eventually(lambda: wanted(set(rows(settings.database_url, query))))
    return set(rows(settings.database_url, query))


async def swapped_since_a_copy(
    valkey: Valkey, settings: StackSettings, services: Services, copy: Path
) -> list[str]:
    """Copy Redis when orders are taken, have them swapped and archived, and end everything."""
    [gateway, *_] = await services.start(settings, "gateway", "projector")
    order_ids = await place(gateway, 5)
    await archived(settings, "status = 'pending'", 5)
    noted = await positions(settings, lambda now: len(now) == partitions_of(settings, order_ids))
    valkey.stop()
    shutil.copytree(valkey.option("--dir"), copy)
    valkey.start()
    await services.start(settings, "router", "executor", "notifier")
    await archived(settings, "status = 'confirmed'", 5)
    await positions(settings, lambda now: not noted & now)
    services.end()
    valkey.kill()
    return order_ids


async def test_nothing_is_swapped_again_on_an_old_copy_until_somebody_accepts_the_loss(
    valkey: Valkey, settings: StackSettings, services: Services, tmp_path: Path
) -> None:
    order_ids = await swapped_since_a_copy(valkey, settings, services, tmp_path / "copy")
    old = Valkey(tmp_path / "copy")
    old.start()
    there = settings.model_copy(update={"redis_url": old.url})
    variables = environment(there)
    stack = [services.launch(name, variables) for name in EVERY_SERVICE]
    gateway, router = stack[0], stack[1]
    await eventually(lambda: all(LOST in refusal(service) for service in stack), within_s=60)
    log = await Log.open(there)
    new = await placed(log)  # Appended and archived meanwhile: it hides nothing.
    await archived(settings, f"order_id = '{new.order_id}'", 1)
    waits = {"group": "router", "server": "LogBehind"}
    await eventually(lambda: router.metric("slipstream_waits_total", **waits) > len(order_ids))
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}") as http:
        refused = await http.post(EXECUTE, json=ORDER)
    histories = [await types_of(log, order_id) for order_id in [*order_ids, new.order_id]]
    found = ("--redis-url", old.url, "--database-url", there.database_url)
    doctor = command("doctor", *found, env={"NAMESPACE": "slip"})

    assert (refused.status_code, LOST in refused.text) == (503, True)
    assert histories == [["OrderSubmitted"]] * 6
    assert all(LOST in refusal(service) for service in stack)
    assert LOST in doctor.stdout

    command("accept-loss", "--yes", *found, env={"NAMESPACE": "slip"})
    for service in stack:
        await service.ready()
    await archived(settings, f"order_id = '{new.order_id}' AND status = 'confirmed'", 1)
    await log.close()
    services.end()
    old.kill()


async def test_an_empty_redis_is_gone_on_with_at_once(
    valkey: Valkey, settings: StackSettings, services: Services, tmp_path: Path
) -> None:
    await swapped_since_a_copy(valkey, settings, services, tmp_path / "copy")
    (tmp_path / "empty").mkdir()
    empty = Valkey(tmp_path / "empty")
    empty.start()
    there = settings.model_copy(update={"redis_url": empty.url})
    [gateway, *_] = await services.start(there, *EVERY_SERVICE)
    await place(gateway, 1)
    await archived(settings, "status = 'confirmed'", 6)
    services.end()
    empty.kill()
