"""Every test has a namespace in Redis and a database in Postgres to itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from shared.settings import VenueSettings
from shared.streams.log.log import Log
from tests.support.databases import Databases
from tests.support.servers import NOBODY, postgres_server, redis_server

_TOGETHER = "tests/browser/"  # They share a browser and a stack, which end with the last of them.
_LONG = (
    "tests/e2e/",
    "tests/integration/executor/test_reconciler.py",
    "tests/integration/streams/redis/test_refusals.py",
)

# Neither a busy machine nor the luck of the draw is a reason to fail. The whole test has a time
# limit anyway, and one that finds no example at all fails.
hypothesis_settings.register_profile(
    "slipstream",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
hypothesis_settings.load_profile("slipstream")


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]  # It has no types.
    """Hands out files, whose tests may share servers, and those that take long test by test.

    Of those, too, the tests of one class may share what they start.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_TOGETHER):
            return _TOGETHER
        if not nodeid.startswith(_LONG):
            return str(super()._split_scope(nodeid))
        group = nodeid.partition("[")[0].rpartition("::")[0]
        return group if "::" in group else nodeid


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that need processors run beside those that mostly wait.

    The longest come first, those with a time limit of their own and those of pages, and the short
    ones last.
    """
    files = list(dict.fromkeys(item.path for item in items))
    busy = [path for path in files if {"browser", "e2e", "deploy"}.intersection(path.parts)]
    waiting = [path for path in files if "integration" in path.parts]
    place = {path: i / len(kind) for kind in (busy, waiting) for i, path in enumerate(kind)}
    longest = {
        item
        for item in items
        if item.get_closest_marker("timeout") or item.nodeid.startswith(_TOGETHER)
    }
    items.sort(key=lambda item: -1.0 if item in longest else place.get(item.path, 1.0))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Iterator[Databases]:
    with Databases(postgres_url) as made:
        yield made


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """Return an empty database."""
    with databases.lent() as url:
        yield url


@pytest.fixture
def namespace() -> str:
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def settings(redis_url: str, namespace: str) -> VenueSettings:
    """Return settings for a test that needs no Postgres: small, fast, no waiting for venues.

    No quote grows old, and no venue is too slow: a busy machine is nobody's fault.
    """
    return VenueSettings(
        redis_url=redis_url,
        database_url=NOBODY,
        namespace=namespace,
        partitions=4,
        redis_timeout_s=60,
        lease_ms=1_000,
        backoff_base_ms=50,
        quote_deadline_ms=60_000,
        quote_ttl_ms=600_000,
        venue_deadline_ms=60_000,
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
