"""What a gateway answers before it has found Redis."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from services.gateway.__main__ import bind
from services.gateway.server.startup_responder import answering_early
from tests.support.gateway import EXECUTE, ORDER


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[socket.socket]:
    with bind("127.0.0.1", 0) as bound:
        yield bound


@pytest_asyncio.fixture
async def http(listener: socket.socket) -> AsyncIterator[httpx.AsyncClient]:
    port = listener.getsockname()[1]
    async with (
        answering_early(listener),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield client


async def test_it_is_alive_and_not_ready(http: httpx.AsyncClient) -> None:
    alive, ready = await http.get("/health?a=b"), await http.get("/health/ready")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["redis"]) == (503, "down")


async def test_an_order_is_refused_with_a_problem_and_when_to_come_back(
    http: httpx.AsyncClient,
) -> None:
    refused = await http.post(EXECUTE, json=ORDER)

    assert refused.status_code == 503
    assert refused.json()["code"] == "LOG_UNAVAILABLE"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize("sent", [b"\r\n\r\n", b"\0" * 20_000, b"GET /health HTTP/1.1\r\n"])
async def test_what_is_no_request_is_answered_or_closed(
    http: httpx.AsyncClient, listener: socket.socket, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(sent)
    answer = await _read_to_the_end(reader)
    writer.close()

    assert b"200" not in answer
    assert (await http.get("/health")).is_success


async def _read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_who_comes_as_the_gateway_takes_over_is_served_by_it(
    listener: socket.socket,
) -> None:
    async with answering_early(listener):
        pass
    reader, writer = await asyncio.open_connection(*listener.getsockname())

    async def greet(_: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        out.write(b"the gateway")
        out.close()

    async with await asyncio.start_server(greet, sock=listener):
        assert await reader.read() == b"the gateway"
    writer.close()
