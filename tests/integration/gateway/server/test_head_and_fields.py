"""HTTP as RFC 9110 has it: white space around fields, and HEAD."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from services.gateway.access.api_keys import line_for, new_key
from shared.archive.migrate import migrate
from tests.support.eventually import eventually
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
    gateway_settings,
    running_gateway,
)

PLAIN = json.dumps(ORDER).encode()
ESCAPED = PLAIN.replace(b'"SOL"', b'"\\u0053OL"')
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOBODYS = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"

PATHS = (
    *("/health", "/health/ready", "/metrics", "/docs", "/openapi.json", "/nowhere", "/api/orders"),
    *("/api/orders?limit=0", "/api/orders/stats", "/api/orders/batch", f"/api/orders/{NOBODYS}"),
    *(EXECUTE, "/api/quotes", "/api/ws-ticket"),
)


@pytest_asyncio.fixture(params=[False, True], ids=["ours", "with dialects"])
async def gateway(
    redis_url: str, namespace: str, request: pytest.FixtureRequest
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, compat=request.param)
    async with running_gateway(settings) as running:
        yield running


class Line:
    """A connection on which every byte is the test's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, gateway: Gateway) -> Line:
        return cls(*await asyncio.open_connection(*gateway.address.split(":")))

    async def ask(
        self, request: str, body: bytes = b"", **fields: str
    ) -> tuple[int, dict[str, str]]:
        """Return the status and the headers that a request is answered with."""
        given = {"Host": "localhost", "Content-Length": str(len(body))} | fields
        lines = [f"{name.replace('_', '-')}:{value}" for name, value in given.items()]
        self._writer.write("\r\n".join([f"{request} HTTP/1.1", *lines, "", ""]).encode() + body)
        status, *head = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.split(": ", 1) for line in head if line)
        return int(status.split()[1]), headers

    async def read(self, headers: dict[str, str]) -> bytes:
        return await self._reader.readexactly(int(headers["content-length"]))

    def close(self) -> None:
        self._writer.close()


@pytest.mark.parametrize("body", [PLAIN, ESCAPED], ids=["plain", "after a closer look"])
async def test_white_space_around_a_field_is_no_part_of_it(gateway: Gateway, body: bytes) -> None:
    placed = []
    for key in ("q-1", " q-1", "q-1 ", "\t q-1 \t", ' "q-1" '):
        line = await Line.to(gateway)
        kind = " application/json\t"
        status, headers = await line.ask(
            f"POST {EXECUTE}", body, Content_Type=kind, Idempotency_Key=key, traceparent=f"{TRACE} "
        )
        assert status == 202
        placed.append(json.loads(await line.read(headers))["orderId"])
        line.close()
    [[event]] = await gateway.log.history([placed[0]])

    assert set(placed) == {placed[0]}
    assert json.loads(event)["traceparent"] == TRACE
    assert await events_on(gateway.log) == 1


async def test_white_space_around_a_key_or_an_upgrade_is_no_part_of_it(
    redis_url: str, namespace: str, tmp_path: Any
) -> None:
    key, path = new_key(), tmp_path / "keys"
    path.write_text(line_for(key, "mine", "trade", ""))
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(path))
    upgrade: Any = {
        "Connection": "Upgrade ",
        "Upgrade": "websocket ",
        "Sec-WebSocket-Version": "13 ",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ== ",
    }
    async with running_gateway(settings) as gateway:
        lines = [await Line.to(gateway) for _ in range(3)]
        address = f"GET /api/orders/{NOBODYS}/nothing"
        in_bearer, _ = await lines[0].ask(address, Authorization=f" Bearer {key}\t")
        in_key, _ = await lines[1].ask(address, X_API_Key=f"\t{key} ")
        socket, _ = await lines[2].ask("GET /api/orders/ws", X_API_Key=f"{key} ", **upgrade)
        for line in lines:
            line.close()

    assert (in_bearer, in_key, socket) == (404, 404, 101)


@pytest.mark.parametrize("compat", [False, True], ids=["ours", "with dialects"])
async def test_head_is_answered_as_get_is_without_the_body(
    redis_url: str, database_url: str, namespace: str, compat: bool
) -> None:
    await migrate(database_url)
    settings = gateway_settings(redis_url, namespace, database_url=database_url, compat=compat)
    async with running_gateway(settings) as gateway:
        order = f"/api/orders/{await gateway.submit()}"
        line, unlike = await Line.to(gateway), []
        for path in (*PATHS, order, f"{order}/events"):
            shown = await line.ask(f"GET {path}", Accept_Encoding="gzip")
            await line.read(shown[1])
            # A body would come before the next answer.
            head = await line.ask(f"HEAD {path}", Accept_Encoding="gzip")
            # The metrics are longer each time.
            differs = {"date", "content-length"} if path == "/metrics" else {"date"}
            if _without(head, differs) != _without(shown, differs):
                unlike.append((path, shown, head))
        last, _ = await line.ask("GET /health")
        line.close()

    assert (unlike, last) == ([], 200)


def _without(answer: tuple[int, dict[str, str]], names: set[str]) -> tuple[int, dict[str, str]]:
    status, headers = answer
    return status, {name: value for name, value in headers.items() if name not in names}


async def test_head_does_not_wait_for_the_end_of_a_stream(gateway: Gateway) -> None:
    before = _streams()
    line = await Line.to(gateway)
    address = f"/api/orders/{await gateway.submit()}/events"
    status, headers = await line.ask(f"HEAD {address}", Accept="text/event-stream")
    after, _ = await line.ask("GET /health")
    line.close()

    assert (status, headers["content-type"], after) == (200, "text/event-stream", 200)
    assert await eventually(lambda: _streams() == before)


def _streams() -> float:
    return REGISTRY.get_sample_value("slipstream_event_streams") or 0


async def test_an_address_that_takes_get_says_that_it_takes_head(gateway: Gateway) -> None:
    order_id = await gateway.submit()
    refused = await gateway.http.patch(f"/api/orders/{order_id}")
    only_post = await gateway.http.get("/api/quotes")

    assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert (only_post.status_code, only_post.headers["allow"]) == (405, "POST")
