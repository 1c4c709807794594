"""What a gateway answers before it has found Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from starlette.responses import PlainTextResponse
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services.gateway.__main__ import Door, serving
from shared.process.listening import bind
from tests.support.gateway import EXECUTE, ORDER, gateway_settings


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    settings = gateway_settings("redis://nowhere", "unused")
    with bind("127.0.0.1", 0) as listener:
        async with serving(listener, settings) as opened:
            yield opened


@pytest_asyncio.fixture
async def http(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://127.0.0.1:{door.address[1]}"
    async with httpx.AsyncClient(base_url=base, timeout=60) as client:
        yield client


async def test_it_is_alive_and_not_ready(http: httpx.AsyncClient) -> None:
    alive, ready = await http.get("/health?a=b"), await http.get("/health/ready")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["redis"]) == (503, "down")
    assert ready.headers["retry-after"] == "1"


async def test_an_order_is_refused_with_a_problem_and_when_to_come_back(
    http: httpx.AsyncClient,
) -> None:
    refused = await http.post(EXECUTE, json=ORDER)

    assert refused.status_code == 503
    assert refused.json()["code"] == "LOG_UNAVAILABLE"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"


async def test_a_socket_is_refused_with_a_problem(door: Door) -> None:
    refused = None
    try:
        async with connect(f"ws://127.0.0.1:{door.address[1]}/api/orders/ws", proxy=None):
            pass
    except InvalidStatus as error:
        refused = error.response

    assert refused is not None
    assert refused.status_code == 503
    assert b"LOG_UNAVAILABLE" in (refused.body or b"")


async def test_a_link_that_was_there_before_the_gateway_is_served_by_it(
    door: Door, http: httpx.AsyncClient
) -> None:
    before = await http.get("/anything")
    door.starting.app = PlainTextResponse("the gateway")
    after = await http.get("/anything")

    assert (before.status_code, after.text) == (503, "the gateway")
