"""Cancelling: before signing it is an end, after it only a wish, and never both."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httpx
import pytest

from services.gateway.access.callers import PUBLIC, Caller, Role
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.schemas import OrderView, ProblemView
from services.gateway.orders.cancel import Cancel
from shared.clock import utc_now
from shared.settings import VenueSettings
from shared.streams.log.log import Log
from tests.support.builders import Ending, history
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.outcomes import swaps
from tests.support.proxy import proxied
from tests.support.replicas import a_router, an_executor, running, types_of


async def placed(gateway: Gateway, ending: Ending) -> str:
    """Place an order that stands where such a history ends."""
    order_id = await gateway.submit()
    if rest := history(order_id, ending=ending)[1:]:
        await gateway.happen(*rest)
    return order_id


async def cancel(gateway: Gateway, order_id: str) -> httpx.Response:
    return await gateway.http.delete(f"/api/orders/{order_id}")


@pytest.mark.parametrize("ending", ["pending", "routed"])
async def test_an_order_that_is_not_signed_is_cancelled_for_good(
    gateway: Gateway, ending: Ending
) -> None:
    order_id = await placed(gateway, ending)
    answer = await cancel(gateway, order_id)
    again = await cancel(gateway, order_id)
    types = await types_of(gateway.log, order_id)

    assert (answer.status_code, again.status_code) == (200, 200)
    assert OrderView.model_validate_json(answer.content).status == "cancelled"
    assert again.json() == answer.json()
    assert types.count("OrderCancelled") == 1


@pytest.mark.parametrize("ending", ["sent", "unresolved"])
async def test_an_order_that_is_signed_keeps_the_wish_once_and_goes_on(
    gateway: Gateway, ending: Ending
) -> None:
    order_id = await placed(gateway, ending)
    answers = [await cancel(gateway, order_id) for _ in range(3)]
    problem = ProblemView.model_validate_json(answers[0].content)
    order = (await gateway.http.get(f"/api/orders/{order_id}")).json()

    assert {answer.status_code for answer in answers} == {409}
    assert (problem.code, problem.order_id) == ("TOO_LATE_TO_CANCEL", order_id)
    assert (order["status"], order["cancelRequested"]) == ("submitted", True)
    assert (await types_of(gateway.log, order_id)).count("CancelRequested") == 1


@pytest.mark.parametrize("ending", ["confirmed", "failed"])
async def test_an_order_that_has_ended_stays_as_it_ended(gateway: Gateway, ending: Ending) -> None:
    order_id = await placed(gateway, ending)
    before = await types_of(gateway.log, order_id)
    answer = await cancel(gateway, order_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "ORDER_ENDED")
    assert await types_of(gateway.log, order_id) == before


@pytest.mark.parametrize(
    ("caller", "code"),
    [
        (Caller("a stranger", Role.TRADE), Code.ORDER_NOT_FOUND),
        (Caller("public", Role.READ), Code.FORBIDDEN),
    ],
)
async def test_only_the_orders_owner_may_cancel_it(
    gateway: Gateway, caller: Caller, code: Code
) -> None:
    order_id = await gateway.submit()
    with pytest.raises(Problem) as caught:
        await gateway.parts.cancel(order_id, caller)

    assert caught.value.code is code
    assert await types_of(gateway.log, order_id) == ["OrderSubmitted"]


async def test_a_cancelling_whose_reply_is_lost_is_seen_in_the_history(
    redis_url: str, namespace: str
) -> None:
    async with (
        proxied(redis_url) as proxy,
        running_gateway(gateway_settings(proxy.url, namespace)) as shaky,
    ):
        order_id = await shaky.submit()
        proxy.lose_replies(to=b"EVALSHA", times=1)
        answer = await cancel(shaky, order_id)

        assert proxy.lost == 1
        assert answer.status_code == 200
        assert await types_of(shaky.log, order_id) == ["OrderSubmitted", "OrderCancelled"]


async def test_cancelling_and_execution_cannot_both_win(settings: VenueSettings) -> None:
    """Whoever comes first, and at whatever step of the order."""
    # Long enough at the venues and on the chain that some come just then.
    slow = {"venue_quote_ms": 300, "venue_swap_ms_min": 100, "venue_swap_ms_max": 300}
    settings = settings.model_copy(update=slow)
    answers: dict[str, str] = {}
    async with (
        running_gateway(gateway_settings(settings.redis_url, settings.namespace)) as gateway,
        running(gateway.log, "router", a_router(gateway.log, settings), settings),
        running(gateway.log, "executor", an_executor(gateway.log, settings), settings),
    ):
        while set(answers.values()) != {"OK", "TOO_LATE_TO_CANCEL", "ORDER_ENDED"}:
            races = (_race(gateway, at=1 + i % 6) for i in range(120))
            answers |= dict(await asyncio.gather(*races))
        await asyncio.gather(*(eventually(partial(_ended, gateway, i)) for i in answers))
        await _judge(gateway.log, settings, answers)


async def _judge(log: Log, settings: VenueSettings, answers: dict[str, str]) -> None:
    landed = await swaps(log, settings)
    for order_id, code in answers.items():
        types = await types_of(log, order_id)
        cancelled, signed = "OrderCancelled" in types, "TransactionSigned" in types
        assert cancelled != signed
        assert landed.count(order_id) == (not cancelled)
        assert cancelled == (code == "OK")
        assert ("CancelRequested" in types) == (code == "TOO_LATE_TO_CANCEL")
        assert cancelled or types[-1] == "OrderConfirmed"


async def _race(gateway: Gateway, at: int) -> tuple[str, str]:
    """Cancel an order once it has come so far; return its id and what was answered."""
    order_id = await gateway.submit()

    async def has_come() -> bool:
        [version] = await gateway.log.versions([order_id])
        return version >= at

    await eventually(has_come, every_s=0.001)
    answer = await cancel(gateway, order_id)
    return order_id, answer.json().get("code", "OK")


async def _ended(gateway: Gateway, order_id: str) -> bool:
    order: dict[str, Any] = (await gateway.http.get(f"/api/orders/{order_id}")).json()
    return order["status"] in ("confirmed", "cancelled")


async def test_a_wish_that_cannot_reach_the_log_is_not_taken_for_granted(
    redis_url: str, namespace: str
) -> None:
    async with (
        proxied(redis_url) as proxy,
        running_gateway(gateway_settings(proxy.url, namespace)) as shaky,
    ):
        order_id = await shaky.submit()
        proxy.lose_replies(to=b"EVALSHA", times=1_000)
        with pytest.raises(Problem) as caught:
            await _impatient(shaky)(order_id, PUBLIC)

    assert caught.value.code is Code.CANCEL_UNKNOWN


def _impatient(gateway: Gateway) -> Cancel:
    # Too short for a second look at the history.
    return Cancel(
        gateway.log,
        gateway.parts.histories,
        utc_now,
        deadline_s=0.001,
        lost_writes=gateway.parts.lost_writes,
    )
