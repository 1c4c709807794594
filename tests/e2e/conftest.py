"""Small leases, swaps of 300 ms, and processes that end with the test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.archive.migrate import migrate
from tests.support.processes import Services, StackSettings


@pytest.fixture
def settings(redis_url: str, namespace: str, database_url: str) -> StackSettings:
    """Return settings for services that run on their own: a database has its tables, and is empty.

    A service waits for one that is not there, 3 s at its first step.
    """
    asyncio.run(migrate(database_url))
    return StackSettings(
        redis_url=redis_url,
        database_url=database_url,
        namespace=namespace,
        partitions=4,
        lease_ms=500,
        max_attempts=10,  # Not what these tests are about, but a busy machine may miss a lease.
        backoff_base_ms=50,
        quote_deadline_ms=60_000,
        quote_ttl_ms=600_000,
        venue_deadline_ms=60_000,
        accept_deadline_ms=60_000,
        venue_quote_ms=50,
        venue_swap_ms_min=300,
        venue_swap_ms_max=300,
        confirm_poll_ms=20,
        redis_timeout_s=30,
        drain_s=3,
    )


@pytest.fixture
def stack_settings(settings: StackSettings) -> StackSettings:
    """Return settings for a whole stack that nothing is wrong with."""
    # Histories are looked at in Redis, after everything has ended.
    return settings.model_copy(update={"lease_ms": 5_000, "history_ttl_s": 60})


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    started = Services(tmp_path)
    yield started
    started.end()
