"""Single orders are taken in ahead of the framework, and nobody can tell by the answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.gateway.openapi.schemas import OrderAccepted
from shared.streams.log.order_ids import id_for_key
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
)

PLAIN = json.dumps(ORDER).encode()
KEY = {"Idempotency-Key": "payment/17"}
JSON = {"Content-Type": "application/json"}


async def in_pieces() -> AsyncIterator[bytes]:
    yield PLAIN[:9]
    yield PLAIN[9:]


def shape(answer: httpx.Response) -> Any:
    """Return what an answer is but for what differs from order to order."""
    order_id = answer.json()["orderId"]
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return json.loads(
        json.dumps([answer.status_code, headers, answer.json()]).replace(order_id, "")
    )


@pytest.mark.parametrize(
    "roundabout",
    [
        {"content": in_pieces},
        {"content": lambda: PLAIN.replace(b'"SOL"', b'"\\u0053OL"')},
        {"content": lambda: PLAIN, "headers": {"Content-Type": "Application/JSON"}},
    ],
    ids=["in pieces", "with an escape", "of another spelling"],
)
async def test_a_plain_order_gets_the_answer_that_any_other_gets(
    gateway: Gateway, roundabout: dict[str, Any]
) -> None:
    plain = await gateway.http.post(EXECUTE, content=PLAIN, headers=JSON)
    headers, content = JSON | roundabout.get("headers", {}), roundabout["content"]()
    other = await gateway.http.post(EXECUTE, content=content, headers=headers)

    assert OrderAccepted.model_validate_json(plain.content).status == "pending"
    assert shape(plain) == shape(other)


@pytest.mark.parametrize("content", [lambda: PLAIN, in_pieces], ids=["plain", "in pieces"])
async def test_a_repeated_order_gets_the_answer_that_any_other_gets(
    gateway: Gateway, content: Any
) -> None:
    first = await gateway.http.post(EXECUTE, content=PLAIN, headers=JSON | KEY)
    again = await gateway.http.post(EXECUTE, content=content(), headers=JSON | KEY)

    assert again.json() == first.json()
    assert shape(again)[1] == shape(first)[1] | {"idempotency-replayed": "true"}


async def test_a_body_that_comes_after_its_headers_is_waited_for(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection(*gateway.address.split(":"))
    lines = [f"POST {EXECUTE} HTTP/1.1", "Host: localhost", f"Content-Length: {len(PLAIN)}"]
    lines += ["Content-Type: application/json", "Expect: 100-continue"]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    invited = await reader.readuntil(b"\r\n\r\n")
    writer.write(PLAIN)
    status = await reader.readline()
    writer.close()

    assert invited.startswith(b"HTTP/1.1 100 ")
    assert b" 202 " in status


async def test_orders_sent_one_behind_the_other_are_each_answered(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection(*gateway.address.split(":"))
    lines = [f"POST {EXECUTE} HTTP/1.1", "Host: localhost", f"Content-Length: {len(PLAIN)}"]
    lines += ["Content-Type: application/json"]
    writer.write((("\r\n".join(lines) + "\r\n\r\n").encode() + PLAIN) * 3)
    heads = []
    for _ in range(3):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        length = heads[-1].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()

    assert [b" 202 " in head for head in heads] == [True] * 3
    assert await events_on(gateway.log) == 3


@pytest.mark.parametrize("content", [lambda: PLAIN, in_pieces], ids=["plain", "in pieces"])
async def test_each_answer_is_measured_once(gateway: Gateway, content: Any) -> None:
    before = await measured(gateway)
    await gateway.http.post(EXECUTE, content=content(), headers=JSON)

    assert await measured(gateway) == before + 1


async def measured(gateway: Gateway) -> float:
    """Return how many orders were answered with 202, as the metrics say."""
    lines = (await gateway.http.get("/metrics")).text.splitlines()
    name = "slipstream_http_request_duration_seconds_count"
    labels = f'{{method="POST",route="{EXECUTE}",status="202"}}'
    return sum(float(line.split(" ")[1]) for line in lines if line.startswith(name + labels))


async def test_a_bug_while_taking_an_order_in_gets_a_problem_document(gateway: Gateway) -> None:
    name = f"key:{KEY['Idempotency-Key']}"
    marker, _ = id_for_key(gateway.log.keys, "public", name, datetime.now(UTC))
    await gateway.log.client.call("RPUSH", marker, "no marker at all")
    answer = await gateway.http.post(EXECUTE, content=PLAIN, headers=JSON | KEY)

    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert await events_on(gateway.log) == 0
