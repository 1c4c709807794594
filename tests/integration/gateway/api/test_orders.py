"""One order, as it stands: in words, with what comes next and when, and what may be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.gateway.openapi.schemas import OrderView
from shared.streams.log.appends import Append
from tests.support.builders import Ending, history
from tests.support.gateway import Gateway

MINUTE = timedelta(minutes=1)


async def shown(gateway: Gateway, order_id: str) -> OrderView:
    answer = await gateway.http.get(f"/api/orders/{order_id}")
    assert answer.status_code == 200, answer.text
    return OrderView.model_validate_json(answer.content)


async def placed(gateway: Gateway, ending: Ending, *, park_ms: int | None = None) -> str:
    """Place an order that stands where such a history ends, and that the executor has put off."""
    order_id = await gateway.submit()
    rest = history(order_id, ending=ending)[1:]
    append = Append(order_id=order_id, expected=1, events=rest, park_ms=park_ms)
    await gateway.log.append("executor", [append])
    return order_id


async def test_an_unresolved_order_tells_when_the_chain_is_asked_again(gateway: Gateway) -> None:
    order_id = await placed(gateway, "unresolved", park_ms=60_000)
    upcoming = (await shown(gateway, order_id)).next
    now = datetime.now(UTC)

    assert upcoming is not None
    assert upcoming.at is not None
    assert now - MINUTE < upcoming.at <= now + MINUTE


async def test_the_time_is_not_guessed_where_nobody_has_put_the_order_off(gateway: Gateway) -> None:
    order_id = await placed(gateway, "unresolved")
    upcoming = (await shown(gateway, order_id)).next

    assert upcoming is not None
    assert (upcoming.what.startswith("The chain is asked again"), upcoming.at) == (True, None)


async def test_an_action_that_is_offered_can_be_done(gateway: Gateway) -> None:
    order_id = await placed(gateway, "routed")
    [action] = (await shown(gateway, order_id)).actions
    answer = await gateway.http.request(action.method, action.href)

    assert (answer.status_code, answer.json()["actions"]) == (200, [])
    assert answer.json()["summary"] == "Cancelled, and nothing was swapped."
