"""Batches: every order is answered for itself, and all of them share one way to the log."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from services.gateway.openapi.schemas import BatchAnswer, ProblemView
from services.gateway.orders.parsing import BATCH_LIMIT
from shared.clock import utc_now
from shared.observability import metrics
from tests.support.eventually import eventually
from tests.support.gateway import (
    EXECUTE,
    ORDER,
    Gateway,
    events_on,
    gateway_settings,
    running_gateway,
    tell_time,
)
from tests.support.proxy import Proxy

BATCH = "/api/orders/batch"
KEY = {"Idempotency-Key": "payroll/2026-01"}
SCRIPT = b"EVALSHA"  # Every append is a call of the script.


async def send(
    gateway: Gateway, orders: list[Any], headers: dict[str, str] | None = None
) -> BatchAnswer:
    answer = await gateway.http.post(BATCH, json={"orders": orders}, headers=headers)
    assert answer.status_code == 200, answer.text
    return BatchAnswer.model_validate_json(answer.content)


def ids(answer: BatchAnswer) -> list[str]:
    return [item.order_id for item in answer.orders if item.order_id]


async def test_a_thousand_orders_are_on_the_log_in_one_append(gateway: Gateway) -> None:
    await tell_time(gateway)
    await gateway.submit()  # Now Redis knows the script.
    before = _appends()
    answer = await send(gateway, [ORDER | {"amountIn": str(1 + i)} for i in range(1_000)])
    appends = _appends() - before
    histories = await gateway.log.history(ids(answer))
    amounts = [json.loads(event)["intent"]["amountIn"] for [event] in histories]

    assert (answer.accepted, answer.refused) == (1_000, 0)
    assert amounts == [str(1 + i) for i in range(1_000)]
    assert appends == 1


def _appends() -> int:
    return sum(metrics.SETTLE_BATCH.counts().get(("gateway",), ()))


async def test_orders_that_are_wrong_are_named_and_the_others_are_kept(gateway: Gateway) -> None:
    late = (utc_now() - timedelta(hours=1)).isoformat()
    orders = [ORDER, {"tokenIn": "SOL"}, "no order", ORDER | {"expiresAt": late}, ORDER]
    answer = await send(gateway, orders)
    problems = [item.problem for item in answer.orders]

    assert [item.index for item in answer.orders] == [0, 1, 2, 3, 4]
    assert [problem and problem.code for problem in problems] == [
        *(None, "INVALID_ORDER", "INVALID_ORDER", "INVALID_ORDER", None)
    ]
    assert [e.field for e in problems[1].errors or []] == ["tokenOut", "amountIn"]  # type: ignore[union-attr]  # seen above
    assert (answer.accepted, answer.refused, await events_on(gateway.log)) == (2, 3, 2)


async def test_a_batch_sent_again_under_its_key_gets_its_first_answers(gateway: Gateway) -> None:
    orders = [ORDER | {"amountIn": "1"}, {"tokenIn": "SOL"}, ORDER | {"amountIn": "2"}]
    first = await send(gateway, orders, KEY)
    again = await send(gateway, orders, KEY)

    assert ids(again) == ids(first)
    assert [item.repeated for item in again.orders] == [True, None, True]
    assert await events_on(gateway.log) == 2


async def test_another_order_in_the_same_place_of_a_batch_is_a_conflict(gateway: Gateway) -> None:
    await send(gateway, [ORDER, ORDER], KEY)
    changed = await send(gateway, [ORDER, ORDER | {"amountIn": "2"}], KEY)
    codes = [item.problem and item.problem.code for item in changed.orders]

    assert codes == [None, "IDEMPOTENCY_KEY_REUSED"]
    assert await events_on(gateway.log) == 2


async def test_a_client_order_id_names_one_order_alone_or_in_a_batch(gateway: Gateway) -> None:
    mine = ORDER | {"clientOrderId": "mine-1"}
    alone = await gateway.http.post(EXECUTE, json=mine)
    batch = await send(gateway, [mine, ORDER, mine])
    shown = await gateway.http.get(f"/api/orders/{alone.json()['orderId']}")
    other = await gateway.http.post(EXECUTE, json=mine | {"amountIn": "2"})

    assert [item.repeated for item in batch.orders] == [True, False, True]
    assert batch.orders[0].order_id == batch.orders[2].order_id == alone.json()["orderId"]
    assert shown.json()["clientOrderId"] == "mine-1"
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert await events_on(gateway.log) == 2


async def test_a_batch_in_which_all_have_expired_asks_redis_once(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline = utc_now() + timedelta(hours=1)
    orders = [ORDER | {"expiresAt": deadline.isoformat()} for _ in range(100)]
    first = await send(gateway, orders, KEY)
    monkeypatch.setattr(gateway.parts.intake, "_clock", lambda: utc_now() + timedelta(hours=2))
    again = await send(gateway, orders, KEY)
    connections = str(await gateway.log.client.call("CLIENT", "LIST")).count("addr=")

    assert ids(again) == ids(first)
    assert connections < 20


async def test_replies_lost_on_the_way_make_no_second_orders(shaky: Gateway, proxy: Proxy) -> None:
    proxy.lose_replies(to=SCRIPT, times=2)
    answer = await send(shaky, [ORDER] * 10)

    assert proxy.lost == 2
    assert answer.accepted == 10
    assert await events_on(shaky.log) == 1 + 10


async def is_unready(gateway: Gateway) -> bool:
    return (await gateway.http.get("/health/ready")).status_code == 503


async def test_when_nothing_was_written_the_whole_batch_is_refused(
    hasty: Gateway, proxy: Proxy
) -> None:
    await proxy.refuse()
    # A link that was cut and nobody has tried since may still have carried something.
    await eventually(partial(is_unready, hasty))
    answer = await hasty.http.post(BATCH, json={"orders": [ORDER, ORDER]})
    await proxy.listen()
    problem = ProblemView.model_validate_json(answer.content)

    assert (answer.status_code, problem.code) == (503, "LOG_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1


async def test_without_any_reply_each_order_names_itself(hasty: Gateway, proxy: Proxy) -> None:
    proxy.lose_replies(to=SCRIPT, times=1_000)
    answer = await send(hasty, [ORDER, ORDER])
    problems = [item.problem for item in answer.orders]
    found = await asyncio.gather(
        *(hasty.http.get(f"/api/orders/{problem.order_id}") for problem in problems if problem)
    )

    assert [problem and problem.code for problem in problems] == ["ACCEPTANCE_UNKNOWN"] * 2
    assert [one.status_code for one in found] == [200, 200]


async def test_a_batch_counts_as_many_orders_as_it_holds(redis_url: str, namespace: str) -> None:
    settings = gateway_settings(redis_url, namespace, rate_limit_account="10/day")
    async with running_gateway(settings) as gateway:
        await send(gateway, [ORDER] * 7)
        too_many = await gateway.http.post(BATCH, json={"orders": [ORDER] * 4})

        assert (too_many.status_code, too_many.json()["code"]) == (429, "RATE_LIMITED")
        assert await events_on(gateway.log) == 7


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"[]", 400, "MALFORMED_BODY"),
        (b"{}", 400, "INVALID_BATCH"),
        (b'{"orders":{}}', 400, "INVALID_BATCH"),
        (b'{"orders":[]}', 400, "INVALID_BATCH"),
        (b'{"orders":[{}],"more":1}', 400, "INVALID_BATCH"),
        (json.dumps({"orders": [{}] * 1_001}).encode(), 400, "INVALID_BATCH"),
        (b" " * (BATCH_LIMIT + 1), 413, "BODY_TOO_LARGE"),
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(
    gateway: Gateway, content: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await gateway.http.post(BATCH, content=content, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await events_on(gateway.log) == 0


async def test_a_field_that_no_encoding_can_carry_is_answered_all_the_same(
    gateway: Gateway,
) -> None:
    headers = {"Content-Type": "application/json"}
    content = b'{"orders":[{"\\ud800":1}]}'
    answer = await gateway.http.post(BATCH, content=content, headers=headers)
    [item] = BatchAnswer.model_validate_json(answer.content).orders

    assert item.problem is not None
    assert item.problem.code == "INVALID_ORDER"


async def test_orders_of_a_batch_that_find_no_room_are_refused_and_the_others_kept(
    redis_url: str, namespace: str
) -> None:
    async with running_gateway(gateway_settings(redis_url, namespace, intake_queue=2)) as gateway:
        answer = await send(gateway, [ORDER] * 4)
        codes = [item.problem and item.problem.code for item in answer.orders]

        assert codes == [None, None, "OVERLOADED", "OVERLOADED"]
        assert await events_on(gateway.log) == 2


async def test_each_order_of_a_batch_is_answered_in_its_own_place(gateway: Gateway) -> None:
    late = ORDER | {"expiresAt": "2001-01-01T00:00:00Z"}
    wrong = ORDER | {"amountIn": "0"}
    named = ORDER | {"clientOrderId": "mine-1"}
    other = named | {"amountIn": "2"}
    answer = await send(gateway, [late, ORDER, wrong, named, other, named])
    told = [item.problem.code if item.problem else item.repeated for item in answer.orders]

    assert [item.index for item in answer.orders] == list(range(6))
    assert told == [
        *("INVALID_ORDER", False, "INVALID_ORDER"),
        *(False, "IDEMPOTENCY_KEY_REUSED", True),
    ]
    assert (answer.accepted, answer.refused) == (3, 3)
