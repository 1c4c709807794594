"""How orders flow: figures of all replicas, whichever server is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.gateway.openapi.figures import FlowView
from shared.archive.archive import Archive
from shared.process.heartbeat import Heart
from shared.streams.errors import LogUnavailable
from shared.streams.figures.heartbeats import Heartbeats
from slipstream import AsyncClient
from tests.support.archive import recorded
from tests.support.builders import history
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER, Gateway, gateway_settings, running_gateway
from tests.support.processes import Services
from tests.support.proxy import Proxy


@pytest_asyncio.fixture
async def stocked(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> AsyncIterator[Gateway]:
    """Return a gateway with a Postgres that has orders."""
    ends = [history(ending="confirmed") for _ in range(3)] + [history(ending="failed")]
    going = [history(ending="routed"), history(ending="sent"), history(ending="unresolved")]
    await archive.store(recorded(*ends, *going, *(history(ending="pending") for _ in range(5))))
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    started = Services(tmp_path)
    yield started
    started.end()


async def flow(gateway: Gateway) -> dict[str, Any]:
    answer = await gateway.http.get("/api/flow")
    assert answer.status_code == 200, answer.text
    FlowView.model_validate_json(answer.content)
    told: dict[str, Any] = answer.json()
    return told


async def counted(gateway: Gateway, counts: dict[str, int]) -> dict[str, Any]:
    """Return the figures once a replica's counts are among them."""
    beats = Heartbeats(gateway.log.client, gateway.log.keys.namespace)
    second = await beats.beat("another", b"", counts) // 1_000

    async def is_over() -> bool:
        return (await beats.read()).now_ms // 1_000 > second + 1

    await eventually(is_over)
    return await flow(gateway)


async def test_orders_are_told_by_status(stocked: Gateway) -> None:
    async def is_told() -> bool:  # The first connection may take longer than a look waits.
        return bool((await flow(stocked))["open"])

    assert await eventually(is_told)
    told = await flow(stocked)

    assert told["open"] == {
        "pending": 5,
        "routing": 0,
        "building": 1,
        "submitted": 2,
        "unresolved": 1,
    }
    assert told["ended"] == {"confirmed": 3, "failed": 1, "cancelled": 0, "expired": 0}
    assert told["notes"] == []


async def test_rates_and_hops_are_those_of_all_replicas(gateway: Gateway) -> None:
    told = await counted(
        gateway,
        {"OrderSubmitted": 20, "OrderConfirmed": 10, "routing<0.25": 98, "routing<1": 2},
    )
    hops = {hop.pop("name"): hop for hop in told["hops"]}

    assert (told["rates"]["submitted"], told["rates"]["confirmed"]) == (2.0, 1.0)
    assert hops["routing"] == {"p50Ms": 201.0, "p99Ms": 850.0, "count": 100}
    assert hops["total"] == {"p50Ms": None, "p99Ms": None, "count": 0}


async def test_the_last_two_minutes_are_told_second_by_second(gateway: Gateway) -> None:
    told = (await counted(gateway, {"OrderFailed": 3, "total<0.5": 3}))["history"]
    there = told["failed"].index(3)

    assert {len(told[name]) for name in ("submitted", "confirmed", "failed", "p50Ms")} == {120}
    assert (sum(told["failed"]), told["p50Ms"][there]) == (3, 425.0)
    assert [ms for ms in told["p99Ms"] if ms is not None] == [told["p99Ms"][there]]


async def test_orders_taken_in_by_two_gateways_add_up(
    gateway: Gateway, services: Services, redis_url: str, namespace: str
) -> None:
    settings = gateway_settings(redis_url, namespace)
    started = await services.start(settings, "gateway", "gateway")
    async with httpx.AsyncClient(timeout=60) as http:
        for service in started:
            for _ in range(5):
                answer = await http.post(f"http://{service.address}{EXECUTE}", json=ORDER)
                assert answer.status_code == 202, answer.text

    async def submitted() -> bool:
        return bool(sum((await flow(gateway))["history"]["submitted"]) == 10)

    assert await eventually(submitted)


async def test_the_client_reads_the_figures(stocked: Gateway) -> None:
    async with AsyncClient(f"http://{stocked.address}") as client:
        told = await client.flow()

    assert told.history is not None
    assert len(told.history.submitted) == 120


async def test_without_postgres_the_rest_is_told(gateway: Gateway) -> None:
    told = await flow(gateway)

    assert (told["open"], told["ended"]) == (None, None)
    assert told["rates"]["submitted"] == 0
    assert [note.partition(":")[0] for note in told["notes"]] == ["PostgreSQL"]


async def test_without_redis_the_rest_is_told(shaky: Gateway, proxy: Proxy) -> None:
    await proxy.refuse()

    async def is_noticed() -> bool:
        return (await flow(shaky))["history"] is None

    assert await eventually(is_noticed)
    told = await flow(shaky)

    assert (told["rates"], told["hops"]) == (None, None)
    assert told["notes"][0].startswith("Redis: ")


async def test_counts_that_redis_missed_come_with_the_next_beat(
    shaky: Gateway, proxy: Proxy
) -> None:
    heart = Heart(shaky.log, "router", "one")
    await proxy.refuse()
    with pytest.raises(LogUnavailable):  # Its connections know by now.
        await shaky.log.client.call("TIME")
    await heart.beat({"OrderFailed": 3})
    waiting = heart._counting.take()
    await proxy.listen()
    await heart.beat(waiting)

    async def failed() -> bool:
        history = (await flow(shaky))["history"]
        return bool(history) and sum(history["failed"]) == 3

    assert waiting["OrderFailed"] == 3
    assert await eventually(failed)


async def test_however_many_ask_the_figures_are_looked_up_once(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(flow(gateway) for _ in range(20)))

    assert all(told == answers[0] for told in answers)
