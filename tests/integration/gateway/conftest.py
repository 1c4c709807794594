"""Gateways over a Redis that answers, and over one whose way is broken on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.gateway import Gateway, gateway_settings, running_gateway, tell_time
from tests.support.proxy import Proxy, proxied
from tests.support.replicas import placed


@pytest_asyncio.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    async with proxied(redis_url) as running:
        yield running


@pytest_asyncio.fixture
async def shaky(proxy: Proxy, namespace: str) -> AsyncIterator[Gateway]:
    """Return a gateway whose way to Redis leads through `proxy`."""
    async with running_gateway(gateway_settings(proxy.url, namespace)) as running:
        await tell_time(running)
        await running.submit()  # Now Redis knows the script, and the connections are open.
        yield running


@pytest_asyncio.fixture
async def hasty(proxy: Proxy, namespace: str) -> AsyncIterator[Gateway]:
    """Return such a gateway that soon gives up on the log."""
    settings = gateway_settings(proxy.url, namespace, accept_deadline_ms=500)
    async with running_gateway(settings) as running:
        await tell_time(running)
        await placed(running.log)  # Now Redis knows the script, and the connections are open.
        yield running
