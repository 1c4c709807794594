"""The Postman collection: each of its requests works, and gets the answer that its test wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

from shared.archive.migrate import migrate
from tests.support.gateway import gateway_settings, running_gateway
from tools.postman import collection

Json = dict[str, Any]

_WANTED = re.compile(r"oneOf\(\[([\d, ]+)\]\)")


def requests() -> Iterator[Json]:
    for folder in collection()["item"]:
        yield from folder["item"]


def wanted(item: Json) -> list[int]:
    [test] = item["event"]
    found = _WANTED.search(test["script"]["exec"][0])
    assert found, item["name"]
    return [int(code) for code in found[1].split(",")]


async def sent(http: httpx.AsyncClient, item: Json, order_id: str) -> httpx.Response:
    """Send a request as Postman would, its variables filled in."""
    request = item["request"]
    url = request["url"]["raw"].replace("{{baseUrl}}", "").replace("{{orderId}}", order_id)
    headers = {header["key"]: header["value"] for header in request["header"]}
    content = request.get("body", {}).get("raw")
    return await http.request(request["method"], url, headers=headers, content=content)


async def test_every_request_gets_the_answer_that_its_test_wants(
    redis_url: str, database_url: str, namespace: str
) -> None:
    await migrate(database_url)
    settings = gateway_settings(redis_url, namespace, database_url=database_url, compat=True)
    async with running_gateway(settings) as gateway:
        order_id = await gateway.submit()
        answers = [(item, await sent(gateway.http, item, order_id)) for item in requests()]

    assert len(answers) > 15
    for item, answer in answers:
        assert answer.status_code in wanted(item), (item["name"], answer.text)


def test_the_forerunners_requests_are_in_it() -> None:
    bodies = [item["request"].get("body", {}).get("raw", "") for item in requests()]
    sent_by_them = ("slippagePct", "side", "slippage", "userId", "slippageTolerance")

    for field in sent_by_them:
        assert any(f'"{field}"' in body for body in bodies), field
