"""The dashboards show something: each of their queries is asked of a Prometheus that has scraped
the real stack under a little load. How Grafana draws it, nobody has seen here.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from slipstream import AsyncClient
from tests.support.cli import ON_DEVCHAIN, Up, folder, up
from tests.support.eventually import eventually
from tests.support.programs import needed
from tests.support.prometheus import Prometheus, panel_queries
from tools.docs import ROOT

DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
_EXECUTORS = 2
_AT_ONCE, _EVERY_S = 5, 0.5
# A venue that fails now and then, so that there are failures to be seen.
_VENUES = {**ON_DEVCHAIN, "VENUE_FAULTS": "raydium.fails_on_chain=0.3"}

# What only a chain has that is not simulated: tests.compose asks for it, on a development chain.
_OF_A_CHAIN = re.compile("slipstream_(funds|rpc|wallet|venue_http)_")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched() -> AsyncIterator[tuple[Up, Prometheus]]:
    """Return a stack under load, and a Prometheus that has seen it for a while."""
    needed("prometheus", how="Debian: apt-get install prometheus")
    with folder() as root:
        words = ("--monitoring", "--scale", f"executor={_EXECUTORS}")
        with up(root / "data", *words, env=_VENUES) as stack:
            url = stack.stack.prometheus
            assert url is not None
            prometheus = Prometheus(url)
            load = asyncio.create_task(_load(stack.stack.gateways[0]))
            try:
                await eventually(lambda: _has_seen_rates(prometheus))
                yield stack, prometheus
            finally:
                load.cancel()
                prometheus.close()


async def _load(url: str) -> None:
    async with AsyncClient(url) as client:
        while True:
            orders = (_follow_one(client) for _ in range(_AT_ONCE))
            await asyncio.gather(asyncio.sleep(_EVERY_S), *orders)


async def _follow_one(client: AsyncClient) -> None:
    order = await client.submit("SOL", "USDC", "1.5")
    async for _ in client.follow(order.order_id):
        pass


def _has_data(series: list[dict[str, Any]]) -> bool:
    return any(not math.isnan(float(one["value"][1])) for one in series)


def _has_seen_rates(prometheus: Prometheus) -> bool:
    ready = "slipstream:order_latency_seconds:p99_5m >= 0"
    trimmed = "sum(rate(slipstream_projection_batch_size_count[30s])) > 0"
    return bool(prometheus.query(ready) and prometheus.query(trimmed))


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
async def test_every_panel_has_data(watched: tuple[Up, Prometheus], dashboard: Path) -> None:
    _, prometheus = watched
    queries = [one for one in panel_queries(dashboard) if not _OF_A_CHAIN.search(one[1])]

    def none_is_empty() -> bool:
        assert [asked for asked in queries if not _has_data(prometheus.query(asked[1]))] == []
        return True

    assert len(queries) > 20
    await eventually(none_is_empty, every_s=1)


async def test_every_replica_is_scraped_under_its_services_name(
    watched: tuple[Up, Prometheus],
) -> None:
    _, prometheus = watched

    ones = dict.fromkeys(("gateway", "router", "notifier", "projector"), 1)
    assert prometheus.up() == {**ones, "executor": _EXECUTORS}


async def test_the_rules_are_loaded_and_work(watched: tuple[Up, Prometheus]) -> None:
    _, prometheus = watched
    rules = prometheus.rules()

    assert len(rules) > 40
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []


async def test_a_healthy_stack_is_not_alarming(watched: tuple[Up, Prometheus]) -> None:
    _, prometheus = watched

    firing = prometheus.query('ALERTS{alertstate="firing"}')
    assert [alert["metric"]["alertname"] for alert in firing] == []


async def test_an_interrupt_ends_prometheus_too(watched: tuple[Up, Prometheus]) -> None:
    """The last of the file, for nothing runs after it."""
    stack, _ = watched
    assert "prometheus" in stack.alive()

    stack.interrupt()
    code = await asyncio.to_thread(stack.process.wait, 60)

    assert code == 0
    assert stack.alive() == []
