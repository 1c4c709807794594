"""Orders in the archive, and the pages of lists that show them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from services.gateway.openapi.schemas import OrderPage, OrderSummary
from shared.archive.archive import Archive
from shared.orders.events import OrderSubmitted, OutcomeContradicted
from shared.orders.states import State
from tests.support.archive import recorded
from tests.support.builders import NOON, Ending, history
from tests.support.gateway import Gateway

LIST = "/api/orders"


async def keep(
    archive: Archive, ending: Ending = "confirmed", *, minute: int = 0, **fields: Any
) -> str:
    """Keep an order that was submitted so many minutes after noon; return its id."""
    first, *rest = history(ending=ending)
    assert isinstance(first, OrderSubmitted)
    first = replace(first, at=NOON + timedelta(minutes=minute), **fields)
    await archive.store(recorded([first, *rest]))
    return first.order_id


async def contradict(archive: Archive, ending: Ending) -> str:
    """Keep an order whose end the chain has contradicted a day later; return its id."""
    events = history(ending=ending)
    head = events[-1].next(NOON + timedelta(days=1))
    state = State.CONFIRMED if ending == "confirmed" else State.FAILED
    found = OutcomeContradicted(**head, state=state, signature="5sig", detail="it is on the chain")
    await archive.store(recorded([*events, found]))
    return found.order_id


async def page(gateway: Gateway, **query: Any) -> OrderPage:
    answer = await gateway.http.get(LIST, params=query)
    assert answer.status_code == 200, answer.text
    return OrderPage.model_validate_json(answer.content)


def ids(found: list[OrderSummary]) -> list[str]:
    return [order.order_id for order in found]
