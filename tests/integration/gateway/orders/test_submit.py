"""Orders come in: kept once accepted, never twice, never on a guess."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import islice
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.gateway.openapi.schemas import OrderAccepted, ProblemView
from services.gateway.orders import parsing
from shared.clock import utc_now
from shared.streams.log.log import Log
from tests.support.eventually import eventually
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
    gateway_settings,
    running_gateway,
)
from tests.support.proxy import Proxy

KEY = {"Idempotency-Key": "payment/17"}
SCRIPT = b"EVALSHA"  # Every append is a call of the script.


@pytest_asyncio.fixture
async def beside(redis_url: str, namespace: str) -> AsyncIterator[Log]:
    """Return the log as seen from beside the proxy."""
    log = await Log.open(gateway_settings(redis_url, namespace))
    yield log
    await log.close()


def problem_of(answer: httpx.Response) -> ProblemView:
    assert answer.headers["content-type"] == "application/problem+json"
    return ProblemView.model_validate_json(answer.content)


async def test_an_order_is_on_the_log_when_its_202_arrives(gateway: Gateway) -> None:
    answer = await gateway.http.post(EXECUTE, json=ORDER)
    accepted = OrderAccepted.model_validate_json(answer.content)
    [[event]] = await gateway.log.history([accepted.order_id])

    assert answer.status_code == 202
    assert answer.headers["location"] == accepted.links.order
    assert json.loads(event)["intent"] == ORDER | {"maxSlippageBps": 100, "expiresAt": None}


async def test_orders_placed_at_the_same_time_are_all_found_right_after(gateway: Gateway) -> None:
    order_ids = await asyncio.gather(*(gateway.submit() for _ in range(100)))
    answers = [await gateway.http.get(f"/api/orders/{order_id}") for order_id in order_ids]

    assert {answer.status_code for answer in answers} == {200}
    assert len(set(order_ids)) == 100 == await events_on(gateway.log)


async def test_the_same_key_with_the_same_body_is_the_same_order(gateway: Gateway) -> None:
    first = await gateway.http.post(EXECUTE, json=ORDER, headers=KEY)
    rewritten = b'{"amountIn": 1.50, "maxSlippageBps": 100, "tokenOut":"USDC", "tokenIn":"SOL"}'
    headers = KEY | {"Content-Type": "application/json; charset=utf-8"}
    again = await gateway.http.post(EXECUTE, content=rewritten, headers=headers)

    assert (again.status_code, again.json()) == (202, first.json())
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await events_on(gateway.log) == 1


async def test_requests_with_one_key_at_the_same_time_make_one_order(gateway: Gateway) -> None:
    posts = (gateway.http.post(EXECUTE, json=ORDER, headers=KEY) for _ in range(20))
    answers = await asyncio.gather(*posts)

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["orderId"] for answer in answers}) == 1
    assert await events_on(gateway.log) == 1


async def test_the_same_key_with_another_body_is_a_conflict(gateway: Gateway) -> None:
    await gateway.http.post(EXECUTE, json=ORDER, headers=KEY)
    answer = await gateway.http.post(EXECUTE, json=ORDER | {"amountIn": "2"}, headers=KEY)

    assert (answer.status_code, problem_of(answer).code) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert await events_on(gateway.log) == 1


async def test_a_retry_after_the_orders_own_deadline_gets_the_first_answer(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline = utc_now() + timedelta(hours=1)
    order = ORDER | {"expiresAt": deadline.isoformat()}
    first = await gateway.http.post(EXECUTE, json=order, headers=KEY)
    monkeypatch.setattr(gateway.parts.intake, "_clock", lambda: utc_now() + timedelta(hours=2))
    again = await gateway.http.post(EXECUTE, json=order, headers=KEY)
    new = await gateway.http.post(EXECUTE, json=order, headers={"Idempotency-Key": "another"})

    assert (again.status_code, again.json()) == (202, first.json())
    assert [error.field for error in problem_of(new).errors or []] == ["expiresAt"]
    assert await events_on(gateway.log) == 1


@pytest.mark.parametrize("headers", [{}, KEY], ids=["without a key", "with a key"])
async def test_a_reply_lost_after_the_append_still_means_one_order(
    shaky: Gateway, proxy: Proxy, headers: dict[str, str]
) -> None:
    proxy.lose_replies(to=SCRIPT, times=2)
    answer = await shaky.http.post(EXECUTE, json=ORDER, headers=headers)

    assert proxy.lost == 2
    assert answer.status_code == 202
    assert "idempotency-replayed" not in answer.headers
    assert len(await shaky.log.history([answer.json()["orderId"]])) == 1
    assert await events_on(shaky.log) == 1 + 1


async def test_without_any_reply_the_client_learns_which_order_to_ask_for(
    hasty: Gateway, proxy: Proxy
) -> None:
    proxy.lose_replies(to=SCRIPT, times=1_000)
    answer = await hasty.http.post(EXECUTE, json=ORDER)
    problem = problem_of(answer)
    found = await hasty.http.get(f"/api/orders/{problem.order_id}")

    assert (answer.status_code, problem.code) == (504, "ACCEPTANCE_UNKNOWN")
    assert (found.status_code, found.json()["status"]) == (200, "pending")


async def unheard(
    shaky: Gateway, log: Log, proxy: Proxy
) -> tuple[str, asyncio.Task[httpx.Response]]:
    """Place an order whose gateway does not hear that it is on the log; return its id."""
    proxy.lose_replies(to=SCRIPT, times=1_000_000)
    before = set(await histories_in(log))
    posting = asyncio.create_task(shaky.http.post(EXECUTE, json=ORDER))

    async def come() -> set[str]:
        return set(await histories_in(log)) - before

    [order_id] = await eventually(come)
    return order_id, posting


async def histories_in(log: Log) -> list[str]:
    _, keys = await log.client.scan({}, log.keys.histories, 10_000_000)
    return [key.decode().rpartition(":")[2] for key in keys]


async def test_a_repeat_after_the_order_has_come_and_gone_is_accepted_and_adds_nothing(
    shaky: Gateway, beside: Log, proxy: Proxy
) -> None:
    order_id, posting = await unheard(shaky, beside, proxy)
    # It has ended, is archived, and its history has left Redis.
    await beside.client.call("DEL", beside.keys.history(order_id))
    proxy.lose_replies(to=SCRIPT, times=0)
    answer = await posting

    assert (answer.status_code, answer.json()["orderId"]) == (202, order_id)
    assert await events_on(beside) == 1 + 1


async def test_a_repeat_after_its_time_adds_nothing_and_claims_nothing(
    shaky: Gateway, beside: Log, proxy: Proxy
) -> None:
    order_id, posting = await unheard(shaky, beside, proxy)
    taken = beside.keys.taken(beside.keys.partition_of(order_id))
    # In this order: the gateway goes on asking, and nothing of it may be taken in between.
    await beside.client.call("ZADD", taken, 10**15, "")
    await beside.client.call("ZREM", taken, order_id)
    await beside.client.call("DEL", beside.keys.history(order_id))
    proxy.lose_replies(to=SCRIPT, times=0)
    answer = await posting
    problem = problem_of(answer)

    assert (answer.status_code, problem.code) == (504, "ACCEPTANCE_UNKNOWN")
    assert problem.order_id == order_id
    assert await events_on(beside) == 1 + 1


async def test_a_short_absence_of_redis_goes_unnoticed(shaky: Gateway, proxy: Proxy) -> None:
    await proxy.refuse()
    asyncio.get_running_loop().call_later(0.5, lambda: asyncio.ensure_future(proxy.listen()))

    assert await shaky.submit()


async def test_without_redis_orders_are_refused_and_taken_again_when_it_is_back(
    hasty: Gateway, proxy: Proxy
) -> None:
    await proxy.refuse()
    refused = await hasty.http.post(EXECUTE, json=ORDER)
    ready = await hasty.http.get("/health/ready")
    await proxy.listen()

    async def accepted() -> bool:
        return (await hasty.http.post(EXECUTE, json=ORDER, headers=KEY)).status_code == 202

    recovered: bool = await eventually(accepted)

    assert (refused.status_code, problem_of(refused).code) == (503, "LOG_UNAVAILABLE")
    assert int(refused.headers["retry-after"]) >= 1
    assert (ready.status_code, ready.json()["redis"]) == (503, "down")
    assert recovered
    assert await events_on(hasty.log) == 1 + 1


async def test_more_orders_than_may_wait_are_refused_at_once(proxy: Proxy, namespace: str) -> None:
    settings = gateway_settings(proxy.url, namespace, intake_queue=1, redis_timeout_s=60)
    async with running_gateway(settings) as gateway:
        await gateway.submit()
        proxy.hang()
        posts = [asyncio.create_task(gateway.http.post(EXECUTE, json=ORDER)) for _ in range(5)]
        refused, *_ = [await post for post in islice(asyncio.as_completed(posts), 3)]
        proxy.flow()
        statuses = sorted([(await post).status_code for post in posts])

    assert (refused.status_code, problem_of(refused).code) == (503, "OVERLOADED")
    assert int(refused.headers["retry-after"]) >= 1
    assert statuses == [202, 202, 503, 503, 503]


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {}, 400, "MALFORMED_BODY"),
        (b"[1]", {}, 400, "MALFORMED_BODY"),
        (b"\xff", {}, 400, "MALFORMED_BODY"),
        (b"[" * 60_000, {}, 400, "MALFORMED_BODY"),
        (b'{"\\ud800":1}', {}, 400, "INVALID_ORDER"),
        (b'{"tokenIn":"SOL","tokenOut":"SOL","amountIn":1}', {}, 400, "INVALID_ORDER"),
        (b'{"tokenIn":"A","tokenOut":"B","amountIn":1e999999999}', {}, 400, "INVALID_ORDER"),
        (b" " * 65_537, {}, 413, "BODY_TOO_LARGE"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{}", {"Content-Type": ""}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{}", {"Idempotency-Key": ""}, 400, "INVALID_IDEMPOTENCY_KEY"),
        (b"{}", {"Idempotency-Key": "two words"}, 400, "INVALID_IDEMPOTENCY_KEY"),
        (b"{}", {"Idempotency-Key": "k" * 256}, 400, "INVALID_IDEMPOTENCY_KEY"),
    ],
)
async def test_bad_input_gets_a_problem_document_and_nothing_reaches_the_log(
    gateway: Gateway, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"} | headers
    answer = await gateway.http.post(EXECUTE, content=content, headers=headers)

    assert (answer.status_code, problem_of(answer).code) == (status, code)
    assert await events_on(gateway.log) == 0


async def test_a_large_body_of_unknown_length_is_not_read_to_its_end(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection(*gateway.address.split(":"))
    lines = [f"POST {EXECUTE} HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"]
    writer.write(("\r\n".join([*lines, "Content-Type: application/json"]) + "\r\n\r\n").encode())
    for _ in range(66):
        writer.write(b"3e8\r\n" + b" " * 1_000 + b"\r\n")
    status = await reader.readline()
    writer.close()

    assert b" 413 " in status


async def test_a_body_that_never_ends_is_not_waited_for(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "DEADLINE_S", 0.1)
    reader, writer = await asyncio.open_connection(*gateway.address.split(":"))
    lines = [f"POST {EXECUTE} HTTP/1.1", "Host: localhost", "Content-Length: 9"]
    writer.write(("\r\n".join([*lines, "Content-Type: application/json"]) + "\r\n\r\n{").encode())
    status = await reader.readline()
    writer.close()

    assert b" 408 " in status


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "NOT_FOUND"),
        ("GET", "/api/orders/", 404, "NOT_FOUND"),
        ("POST", f"{EXECUTE}/", 404, "NOT_FOUND"),
        ("PUT", EXECUTE, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/orders/42", 400, "INVALID_ORDER_ID"),
        ("GET", "/api/orders/42/events", 400, "INVALID_ORDER_ID"),
        ("GET", "/api/orders/%00", 400, "INVALID_ORDER_ID"),
    ],
)
async def test_a_wrong_address_gets_a_problem_document_too(
    gateway: Gateway, method: str, path: str, status: int, code: str
) -> None:
    answer = await gateway.http.request(method, path)

    assert (answer.status_code, problem_of(answer).code) == (status, code)


async def test_a_bug_gets_a_problem_document_that_tells_nothing(gateway: Gateway) -> None:
    order_id = await gateway.submit()
    key = gateway.log.keys.history(order_id)
    await gateway.log.client.call("RPUSH", key, "secret garbage")
    answer = await gateway.http.get(f"/api/orders/{order_id}")

    assert (answer.status_code, problem_of(answer).code) == (500, "INTERNAL_ERROR")
    assert "garbage" not in answer.text


async def test_every_answer_is_described(gateway: Gateway) -> None:
    described: dict[str, Any] = (await gateway.http.get("/openapi.json")).json()
    schemas = described["components"]["schemas"]
    references = {
        reference.rpartition("/")[2]
        for reference in _references(described)
        if reference.startswith("#/components/schemas/")
    }

    assert references <= set(schemas)
    assert set(described["paths"][EXECUTE]["post"]["responses"]) == {
        *("202", "400", "401", "403", "408", "409", "413", "415", "429", "500", "503", "504")
    }


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
