"""Who may do what on a running gateway, how often, and from which page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from services.gateway.access.api_keys import line_for, new_key
from services.gateway.access.gatekeeper import OPEN
from services.gateway.openapi.schemas import ProblemView
from tests.support.eventually import eventually
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    drain,
    gateway_settings,
    handshake,
    running_gateway,
)
from tests.support.proxy import proxied

MINE, OTHERS, READERS, ADMINS = (new_key() for _ in range(4))
ROLES = {MINE: "trade", OTHERS: "trade", READERS: "read", ADMINS: "admin"}
ACCOUNTS = {MINE: "mine", OTHERS: "others", READERS: "mine", ADMINS: "ops"}
NOBODY = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.jsonl"
    lines = [line_for(key, ACCOUNTS[key], role, "") for key, role in ROLES.items()]
    path.write_text("\n".join(lines))
    return path


@pytest_asyncio.fixture
async def guarded(redis_url: str, namespace: str, keys_file: Path) -> AsyncIterator[Gateway]:
    """Return a gateway that asks for keys."""
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(keys_file))
    async with running_gateway(settings) as running:
        yield running


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def place(gateway: Gateway, key: str) -> httpx.Response:
    return await gateway.http.post(EXECUTE, json=ORDER, headers=bearer(key))


async def placed(gateway: Gateway, key: str) -> str:
    answer = await place(gateway, key)
    assert answer.status_code == 202, answer.text
    order_id: str = answer.json()["orderId"]
    return order_id


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, ProblemView.model_validate_json(answer.content).code


async def ticket_for(gateway: Gateway, key: str) -> str:
    answer = await gateway.http.post("/api/ws-ticket", headers=bearer(key))
    assert answer.status_code == 200, answer.text
    ticket: str = answer.json()["ticket"]
    return ticket


async def test_nothing_but_the_open_addresses_is_answered_without_a_key(guarded: Gateway) -> None:
    described = (await guarded.http.get("/openapi.json")).json()["paths"]
    closed = [(path, m) for path, item in described.items() if path not in OPEN for m in item]
    answers = [await guarded.http.request(m, path) for path, m in closed]

    assert len(closed) > 4
    assert {code_of(answer) for answer in answers} == {(401, "UNAUTHENTICATED")}
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    assert {(await guarded.http.get(path)).status_code for path in OPEN} == {200}


async def test_sockets_are_closed_without_a_key(guarded: Gateway) -> None:
    order_id = await placed(guarded, MINE)
    address = f"ws://{guarded.address}/api/orders/{order_id}/ws"

    assert await handshake(address) == 401
    assert await handshake(f"{address}?key={MINE}&ticket={MINE}") == 401
    assert await handshake(address, additional_headers=bearer(MINE)) == 101


async def test_a_reader_may_look_but_neither_order_nor_cancel(guarded: Gateway) -> None:
    order_id = await placed(guarded, MINE)
    address = f"/api/orders/{order_id}"

    assert (await guarded.http.get(address, headers=bearer(READERS))).status_code == 200
    assert code_of(await place(guarded, READERS)) == (403, "FORBIDDEN")
    cancelled = await guarded.http.delete(address, headers=bearer(READERS))
    assert code_of(cancelled) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", "", "*/*"),
        ("GET", "/events", "*/*"),
        ("GET", "/events", "text/event-stream"),
        ("DELETE", "", "*/*"),
    ],
)
async def test_a_stranger_cannot_tell_an_order_from_none(
    guarded: Gateway, method: str, path: str, accept: str
) -> None:
    order_id = await placed(guarded, MINE)
    headers = bearer(OTHERS) | {"Accept": accept}

    theirs = await guarded.http.request(method, f"/api/orders/{order_id}{path}", headers=headers)

    assert code_of(theirs) == (404, "ORDER_NOT_FOUND")


async def test_a_stranger_cannot_follow_an_order_but_an_admin_can(guarded: Gateway) -> None:
    order_id = await placed(guarded, MINE)
    async with guarded.follow(order_id, additional_headers=bearer(OTHERS)) as socket:
        messages, close_code = await drain(socket)
    async with guarded.follow(order_id, additional_headers=bearer(ADMINS)) as socket:
        first = await socket.recv()

    assert close_code == 4404
    assert [ProblemView.model_validate_json(m).code for m in messages] == ["ORDER_NOT_FOUND"]
    assert order_id in str(first)


async def test_an_admin_sees_everybodys_orders(guarded: Gateway) -> None:
    order_id = await placed(guarded, MINE)
    answer = await guarded.http.get(f"/api/orders/{order_id}", headers=bearer(ADMINS))

    assert answer.status_code == 200


async def test_two_accounts_may_use_the_same_idempotency_key(guarded: Gateway) -> None:
    same = {"Idempotency-Key": "payment/17"}
    answers = [
        await guarded.http.post(EXECUTE, json=ORDER, headers=bearer(key) | same)
        for key in (MINE, OTHERS, MINE)
    ]
    first, theirs, again = [answer.json()["orderId"] for answer in answers]

    assert first == again != theirs


async def test_a_changed_file_of_keys_counts_without_a_restart(
    guarded: Gateway, keys_file: Path
) -> None:
    fresh = new_key()
    rewrite(keys_file, line_for(fresh, "mine", "trade", ""))

    async def taken_up() -> bool:
        return (await place(guarded, fresh)).status_code == 202

    assert await eventually(taken_up)
    assert code_of(await place(guarded, MINE)) == (401, "UNAUTHENTICATED")


async def test_a_ticket_opens_one_socket_once_for_who_got_it(guarded: Gateway) -> None:
    order_id = await placed(guarded, MINE)
    address = f"ws://{guarded.address}/api/orders/{order_id}/ws?ticket="
    ticket, others = await ticket_for(guarded, MINE), await ticket_for(guarded, OTHERS)
    async with connect(address + others, proxy=None) as socket:
        _, close_code = await drain(socket)

    assert close_code == 4404
    assert await handshake(address + ticket) == 101
    assert await handshake(address + ticket) == 401


async def test_a_ticket_does_not_last(guarded: Gateway) -> None:
    answer = await guarded.http.post("/api/ws-ticket", headers=bearer(MINE))
    [kept] = await guarded.log.client.call("KEYS", f"{guarded.log.keys.namespace}:ticket:*")

    assert answer.json()["expiresIn"] == 30
    assert 0 < await guarded.log.client.call("TTL", kept) <= 30
    assert answer.json()["ticket"] not in kept.decode()


async def test_tickets_need_redis_and_say_so(redis_url: str, namespace: str) -> None:
    async with (
        proxied(redis_url) as proxy,
        running_gateway(gateway_settings(proxy.url, namespace)) as gateway,
    ):
        await proxy.refuse()

        answer = await gateway.http.post("/api/ws-ticket")

    assert code_of(answer) == (503, "TICKETS_UNAVAILABLE")


@pytest.mark.parametrize("compat", [False, True], ids=["ahead of the framework", "through it"])
async def test_a_page_of_another_origin_opens_no_socket(
    redis_url: str, namespace: str, compat: bool
) -> None:
    settings = gateway_settings(
        redis_url, namespace, allowed_origins="https://app.example", compat=compat
    )
    async with running_gateway(settings) as gateway:
        address = f"ws://{gateway.address}/api/orders/{await gateway.submit()}/ws"
        origins = ("https://evil.example", "https://app.example", f"http://{gateway.address}", None)
        statuses = [await handshake(address, origin=origin) for origin in origins]

    assert statuses == [403, 101, 101, 101]


async def test_who_orders_too_often_is_told_when_to_come_back(
    redis_url: str, namespace: str, keys_file: Path
) -> None:
    settings = gateway_settings(
        redis_url, namespace, api_keys_file=str(keys_file), rate_limit_account="2/day"
    )
    async with running_gateway(settings) as gateway:
        answers = [await place(gateway, MINE) for _ in range(3)]
        theirs = await place(gateway, OTHERS)
        order_id = answers[0].json()["orderId"]
        look = await gateway.http.get(f"/api/orders/{order_id}", headers=bearer(MINE))
        cancel = await gateway.http.delete(f"/api/orders/{order_id}", headers=bearer(MINE))

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert code_of(answers[2]) == (429, "RATE_LIMITED")
    assert 1 <= int(answers[2].headers["retry-after"]) <= 86_400
    left = [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers]
    assert left == ['"account";r=1', '"account";r=0', '"account";r=0']
    assert {a.headers["ratelimit-policy"] for a in answers} == {'"account";q=2;w=86400'}
    assert (theirs.status_code, look.status_code, cancel.status_code) == (202, 200, 200)


async def test_each_order_counts_also_in_a_batch_and_over_a_socket(
    redis_url: str, namespace: str
) -> None:
    submit = '{"action":"submit","id":1,"order":{"tokenIn":"SOL","tokenOut":"USDC","amountIn":1}}'
    settings = gateway_settings(redis_url, namespace, rate_limit_global="4/day")
    async with running_gateway(settings) as gateway:
        batches = [
            await gateway.http.post("/api/orders/batch", json={"orders": [ORDER] * number})
            for number in (3, 2)
        ]
        async with connect(f"ws://{gateway.address}/api/orders/ws", proxy=None) as socket:
            await socket.send(submit)
            refused = str(await socket.recv())

    assert [answer.status_code for answer in batches] == [200, 429]
    assert [len(a.headers.get_list("ratelimit")) for a in batches] == [1, 1]
    assert "RATE_LIMITED" in refused


async def test_gateways_count_together(redis_url: str, namespace: str) -> None:
    settings = gateway_settings(redis_url, namespace, rate_limit_global="3/day")
    async with running_gateway(settings) as one, running_gateway(settings) as other:
        answers = [await place(gateway, MINE) for gateway in (one, other, one, other)]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]


async def test_rate_limits_without_redis_turn_nobody_away(redis_url: str, namespace: str) -> None:
    async with proxied(redis_url) as proxy:
        settings = gateway_settings(proxy.url, namespace, rate_limit_account="1/hour")
        async with running_gateway(settings) as gateway:
            await gateway.submit()
            gateway.hurry(300)
            await proxy.refuse()
            answers = [await place(gateway, MINE) for _ in range(2)]

    assert {code_of(answer) for answer in answers} == {(503, "LOG_UNAVAILABLE")}


async def test_no_limit_means_no_headers_about_one(redis_url: str, namespace: str) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace)) as gateway:
        answer = await place(gateway, MINE)

    assert "ratelimit" not in answer.headers


async def test_a_gateway_works_on_so_many_requests_and_no_more(
    redis_url: str, namespace: str
) -> None:
    held = asyncio.Event()

    async def slow_body() -> AsyncIterator[bytes]:
        yield b"{"
        await held.wait()
        yield b"}"

    settings = gateway_settings(redis_url, namespace, max_requests=1)
    json_header = {"Content-Type": "application/json"}
    async with running_gateway(settings) as gateway:
        slow = asyncio.create_task(
            gateway.http.post(EXECUTE, content=slow_body(), headers=json_header)
        )

        async def full() -> httpx.Response | None:
            answer = await gateway.http.get(f"/api/orders/{NOBODY}/nothing")
            return answer if answer.status_code == 503 else None

        refused = await eventually(full)
        assert refused is not None
        health = await gateway.http.get("/health")
        held.set()
        let_in = (await slow).status_code
        after = await place(gateway, MINE)

    assert code_of(refused) == (503, "OVERLOADED")
    assert refused.headers["retry-after"] == "1"
    assert (health.status_code, let_in, after.status_code) == (200, 400, 202)


@pytest.mark.parametrize("path", ["/health", f"/api/orders/{NOBODY}", "/api/orders/no-id"])
async def test_every_answer_keeps_browsers_from_guessing(guarded: Gateway, path: str) -> None:
    headers = (await guarded.http.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_no_key_and_no_ticket_is_ever_logged(
    guarded: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    order_id = await placed(guarded, MINE)
    ticket, wrong = await ticket_for(guarded, MINE), new_key()
    address = f"ws://{guarded.address}/api/orders/{order_id}/ws?ticket={ticket}"
    statuses = [await handshake(address), await handshake(address)]
    refused = await place(guarded, wrong)

    clients = ("httpx", "httpcore", "websockets.client")  # The test's own.
    said = [r.getMessage() for r in caplog.records if not r.name.startswith(clients)]
    assert (statuses, refused.status_code) == ([101, 401], 401)
    assert [line for line in said if any(s in line for s in (MINE, ticket, wrong))] == []


async def test_a_key_that_may_not_trade_is_offered_no_action(guarded: Gateway) -> None:
    order_id = await placed(guarded, MINE)
    offered = {
        ROLES[key]: len((await order_for(guarded, order_id, key))["actions"])
        for key in (MINE, READERS, ADMINS)
    }

    assert offered == {"trade": 1, "read": 0, "admin": 1}


async def order_for(gateway: Gateway, order_id: str, key: str) -> dict[str, Any]:
    answer = await gateway.http.get(f"/api/orders/{order_id}", headers=bearer(key))
    shown: dict[str, Any] = answer.json()
    return shown
