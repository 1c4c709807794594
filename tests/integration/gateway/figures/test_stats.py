"""The figures of the whole system: cheap to ask for, and right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.gateway.figures import stats
from services.gateway.openapi.schemas import StatsView
from shared.archive.archive import Archive
from tests.support.archive import many, recorded
from tests.support.builders import history
from tests.support.gateway import Gateway, gateway_settings, running_gateway

STATS = "/api/orders/stats"


@pytest_asyncio.fixture
async def gateway(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


async def figures(gateway: Gateway) -> dict[str, Any]:
    answer = await gateway.http.get(STATS)
    assert answer.status_code == 200, answer.text
    StatsView.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


async def test_orders_are_counted_by_how_far_they_are(gateway: Gateway, archive: Archive) -> None:
    ends = [history(ending="confirmed") for _ in range(3)] + [history(ending="failed")]
    going = [history(ending="routed"), history(ending="sent")]
    await archive.store(recorded(*ends, *going, *(history(ending="pending") for _ in range(5))))

    assert (await figures(gateway))["queue"] == {
        "waiting": 5,
        "active": 2,
        "completed": 3,
        "failed": 1,
        "cancelled": 0,
        "expired": 0,
    }


async def test_what_a_service_has_before_it_is_its_lag(gateway: Gateway) -> None:
    for _ in range(3):
        await gateway.submit()

    assert (await figures(gateway))["lag"] == {
        "router": 3,
        "executor": 0,
        "notifier": 3,
        "projector": 3,
    }


async def test_the_sockets_are_those_of_this_very_moment(gateway: Gateway) -> None:
    before = (await figures(gateway))["websocket"]
    async with gateway.follow(await gateway.submit()) as socket:
        await socket.recv()

        assert (before, (await figures(gateway))["websocket"]) == (
            {"connections": 0},
            {"connections": 1},
        )


async def test_however_many_ask_the_figures_are_looked_up_once_in_a_while(
    gateway: Gateway, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "FRESH_S", 3_600)
    first = await figures(gateway)
    await archive.store(many(orders=5))
    same = await figures(gateway)
    monkeypatch.setattr(stats, "FRESH_S", 0)
    gateway.parts.stats._stale_at = 0

    assert same == first
    assert (await figures(gateway))["queue"]["completed"] > 0


async def test_without_postgres_there_are_no_figures(redis_url: str, namespace: str) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        answer = await gateway.http.get(STATS)

    assert (answer.status_code, answer.json()["code"]) == (503, "STATS_UNAVAILABLE")
