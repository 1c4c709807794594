"""Every test has a namespace in Redis and a database in Postgres to itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import settings as hypothesis_settings

from shared.settings import VenueSettings
from shared.streams.log import Log
from tests.servers import new_database, postgres_server, redis_server

# A busy machine is no reason to fail; the whole test has a time limit anyway.
hypothesis_settings.register_profile("slipstream", deadline=None)
hypothesis_settings.load_profile("slipstream")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """Return a new, empty database."""
    with new_database(postgres_url) as url:
        yield url


@pytest.fixture
def namespace() -> str:
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def settings(redis_url: str, namespace: str) -> VenueSettings:
    """Return settings for a test that needs no Postgres: small, fast, no waiting for venues."""
    return VenueSettings(
        redis_url=redis_url,
        database_url="postgresql://127.0.0.1:1/nobody",
        namespace=namespace,
        partitions=4,
        lease_ms=1_000,
        backoff_base_ms=50,
        venue_quote_ms=0,
        venue_swap_ms_min=0,
        venue_swap_ms_max=0,
        venue_seed="tests",
        drain_s=2,
    )


@pytest_asyncio.fixture
async def log(settings: VenueSettings) -> AsyncIterator[Log]:
    opened = await Log.open(settings)
    yield opened
    await opened.close()
