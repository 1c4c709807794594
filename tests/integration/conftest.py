"""Gateways and whole stacks, an archive with its tables, and the way to each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import pytest_asyncio

from shared.archive.archive import Archive
from shared.archive.migrate import migrate
from shared.archive.sessions import pool
from shared.archive.sessions.pool import Pool
from shared.streams.consumer import consumer
from shared.streams.redis import rate_limits
from tests.support.databases import Databases
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.proxy import Proxy, proxied
from tests.support.servers import NOBODY
from tests.support.stack import stack_in_background, stack_settings


@pytest.fixture(autouse=True)
def _counted_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_DEADLINE_S", 60.0)


@pytest.fixture(autouse=True)
def _replicas_leave_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a replica in the test's own loop ask for entries often: it leaves between two reads."""
    monkeypatch.setattr(consumer, "_BLOCK_MS", 50)


@pytest.fixture(autouse=True)
def _nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a Postgres that is not there be given up on at once, and no other one sooner."""
    opens, patience_s = Pool.open.__func__, pool._CONNECT_S  # type: ignore[attr-defined]  # Of a class.

    async def opened(cls: type[Pool], database_url: str) -> Pool:
        monkeypatch.setattr(pool, "_CONNECT_S", 0.05 if database_url == NOBODY else patience_s)
        made: Pool = await opens(cls, database_url)
        return made

    monkeypatch.setattr(Pool, "open", classmethod(opened))


@pytest_asyncio.fixture
async def archive(database_url: str) -> AsyncIterator[Archive]:
    await migrate(database_url)
    opened = await Archive.open(database_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(gateway_settings(redis_url, namespace)) as running:
        yield running


@pytest_asyncio.fixture
async def way(gateway: Gateway) -> AsyncIterator[Proxy]:
    """Return the way from the client to the gateway."""
    async with proxied(f"http://{gateway.address}") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def stack(redis_url: str, databases: Databases) -> Iterator[str]:
    """Return the address of a gateway with everything behind it."""
    with _stack(redis_url, databases) as address:
        yield address


@pytest.fixture(scope="module")
def failing_stack(redis_url: str, databases: Databases) -> Iterator[str]:
    """Return the address of a gateway whose every swap fails on the chain."""
    faults = "raydium.fails_on_chain=1,meteora.fails_on_chain=1"
    with _stack(redis_url, databases, faults) as address:
        yield address


@contextmanager
def _stack(redis_url: str, databases: Databases, venue_faults: str = "") -> Iterator[str]:
    with databases.lent() as database_url:
        namespace = f"t{uuid4().hex[:12]}"
        settings = stack_settings(redis_url, database_url, namespace, venue_faults=venue_faults)
        with stack_in_background(settings) as address:
            yield address
