"""One browser and one stack for all tests of pages, and an account of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from shared.archive.migrate import migrate
from tests.browser.eyes import Eyes
from tests.browser.stack import Desk, PageStack, stack_settings
from tests.support.browser import browser, visit
from tests.support.databases import Databases
from tests.support.servers import redis_server

Look = Callable[..., AbstractAsyncContextManager[Eyes]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PageStack]:
    folder: Path = tmp_path_factory.mktemp("stack")
    # A server of its own: other tests count what theirs is asked.
    with redis_server() as redis_url, databases.lent() as database_url:
        await migrate(database_url)
        started = PageStack(stack_settings(redis_url, database_url), folder)
        try:
            await started.start()
            yield started
        finally:
            started.end()


@pytest.fixture
def desk(stack: PageStack) -> Desk:
    """Return an account that nobody else uses, and its key."""
    return stack.desk()


@pytest.fixture
def look(chromium: Browser) -> Look:
    """Return what opens an empty page. A browser that complains of it fails the test.

    `expected` are patterns of complaints that belong to the test; `options` are Playwright's.
    """

    @asynccontextmanager
    async def looking(*expected: str, **options: Any) -> AsyncIterator[Eyes]:
        options = {"viewport": {"width": 1440, "height": 900}, **options}
        async with visit(chromium, **options) as (page, complaints):
            eyes = Eyes(page, complaints)
            try:
                yield eyes
            except BaseException:
                print("the browser complained:", list(complaints))  # noqa: T201 - pytest keeps it
                await eyes.shoot("failed")
                raise
            assert complaints.but(*expected) == []

    return looking
