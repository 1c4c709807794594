"""Intake closes while there is too much, and opens again by itself."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from services.gateway.orders import backpressure
from shared.orders.dispatch import WORKERS
from shared.settings import VenueSettings
from tests.support.eventually import eventually
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
    gateway_settings,
    running_gateway,
)
from tests.support.replicas import a_router, an_executor, running, unsettled
from tests.support.servers import Valkey


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "LOOK_S", 0.02)


async def refused(gateway: Gateway) -> httpx.Response | None:
    answer = await gateway.http.post(EXECUTE, json=ORDER)
    return answer if answer.status_code == 503 else None


async def accepted(gateway: Gateway) -> bool:
    return (await gateway.http.post(EXECUTE, json=ORDER)).status_code == 202


async def test_a_backlog_closes_intake_until_it_is_worked_off(
    redis_url: str, namespace: str, settings: VenueSettings
) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace, max_backlog=20)) as gateway:
        log = gateway.log
        answer = await eventually(lambda: refused(gateway))
        closed = REGISTRY.get_sample_value("slipstream_intake_closed", {"of": "backlog"})
        taken = await events_on(log)
        async with (
            running(log, "router", a_router(log, settings), settings),
            running(log, "executor", an_executor(log, settings), settings),
        ):
            recovered: bool = await eventually(lambda: accepted(gateway))

        assert answer is not None
        assert answer.json()["code"] == "OVERLOADED"
        assert int(answer.headers["retry-after"]) >= 1
        assert (closed, recovered) == (1, True)
        assert taken > 20


async def test_an_executor_that_falls_behind_closes_intake_although_the_router_keeps_up(
    redis_url: str, namespace: str, settings: VenueSettings
) -> None:
    async with (
        running_gateway(gateway_settings(redis_url, namespace, max_backlog=20)) as gateway,
        running(gateway.log, "router", a_router(gateway.log, settings), settings),
    ):
        answer = await eventually(lambda: refused(gateway))
        await eventually(lambda: router_is_done(gateway))
        still: httpx.Response | None = await eventually(lambda: refused(gateway))

    assert answer is not None
    assert still is not None


async def router_is_done(gateway: Gateway) -> bool:
    return await unsettled(gateway.log, "router") == 0


async def test_a_full_redis_closes_intake_before_it_refuses_to_write(
    tmp_path: Path, namespace: str
) -> None:
    valkey = Valkey(tmp_path, "--maxmemory", "64mb")
    valkey.start()
    try:
        settings = gateway_settings(valkey.url, namespace, max_memory_percent=50)
        async with running_gateway(settings) as gateway:
            assert await accepted(gateway)
            # In pieces: what is on its way to a server counts as its memory too.
            others = [f"somebody's:{n}" for n in range(20)]
            for key in others:
                await gateway.log.client.call("SET", key, b"x" * 2_000_000)
            answer = await eventually(lambda: refused(gateway))
            await gateway.log.client.call("DEL", *others)
            recovered: bool = await eventually(lambda: accepted(gateway))
    finally:
        valkey.stop()

    assert answer is not None
    assert (answer.json()["code"], recovered) == ("OVERLOADED", True)
    assert "Redis" in answer.json()["detail"]


async def test_a_backlog_that_cannot_be_told_closes_nothing(redis_url: str, namespace: str) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace, max_backlog=5)) as gateway:
        await eventually(lambda: refused(gateway))
        keys = gateway.log.keys
        streams = [keys.stream(p, group) for p in range(keys.partitions) for group in WORKERS]
        await gateway.log.client.run([("DEL", stream) for stream in streams])

        assert await eventually(lambda: accepted(gateway))
