"""What each forerunner's client hears of an order."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from services.gateway.compat.answers import accepted, order
from services.gateway.compat.messages import Retelling, Telling, by_name, with_facts, with_order
from shared.orders.codec import encode
from shared.orders.events import OrderConfirmed, OrderEvent
from shared.orders.view import public_event, public_json, public_order
from shared.streams.log.order_ids import new_order_id
from tests.support.builders import NOON, Ending, history

ENDINGS: list[Ending] = [
    *("pending", "routed", "sent", "unresolved", "confirmed", "failed", "rerouted")
]


def told(telling: Telling, events: list[OrderEvent], *, every: bool = True) -> list[Any]:
    """Return the messages about a whole history; prices are read as exact decimals."""
    retelling = Retelling(telling, every=every)
    said = [retelling.tell(json.loads(public_json(type(e).__name__, encode(e)))) for e in events]
    return [json.loads(message, parse_float=Decimal) for message in said if message]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("telling", [with_facts, with_order])
def test_a_shared_address_says_all_that_our_own_event_says(
    telling: Telling, ending: Ending
) -> None:
    events = history(ending=ending)

    for event, message in zip(events, told(telling, events), strict=True):
        ours = public_event(event)
        assert {name: message[name] for name in ours} == ours


def test_001_finds_the_outcome_under_data() -> None:
    *_, event = events = history()
    assert isinstance(event, OrderConfirmed)

    last = told(with_facts, events)[-1]

    assert last["data"] == {
        "chosenDex": event.venue,
        "txHash": event.signature,
        "executedPrice": event.price,
    }


def test_001_is_told_nothing_that_is_not_known_yet() -> None:
    assert told(with_facts, history())[0]["data"] == {}


def test_000_and_003_find_why_an_order_failed() -> None:
    last = told(with_facts, history(ending="failed"))[-1]

    assert last["failureReason"].startswith(last["reason"])
    assert last["error"] == last["data"]["error"] == last["failureReason"]


def test_002_gets_the_whole_order_as_it_stands_with_every_message() -> None:
    messages = told(with_order, history())

    assert [len(m["statusHistory"]) for m in messages][:3] == [1, 2, 3]
    assert all(
        {"id", "dexUsed", "executedPrice", "txHash", "timestamp"} <= m.keys() for m in messages
    )
    assert all(m["timestamp"] == m["at"] for m in messages)


def test_004_hears_each_status_once_by_name() -> None:
    messages = told(by_name, history(), every=False)

    assert [m["event"] for m in messages] == [
        *("pending", "routing", "building", "submitted", "confirmed")
    ]
    assert messages[3]["txHash"].startswith("sig-")
    assert "executedPrice" in messages[4]


def test_an_order_reads_under_their_names_too() -> None:
    view = public_order(history())
    read = order(view)

    assert read["id"] == view["orderId"]
    assert read["dexUsed"] == view["venue"] == "raydium"
    assert read["txHash"] == view["signature"]
    assert read["executedPrice"] == view["price"]
    assert read["createdAt"] == view["submittedAt"]
    assert read["failureReason"] is None


def test_a_status_history_has_times_and_what_was_known() -> None:
    by_status = {
        entry["status"]: entry for entry in order(public_order(history()))["statusHistory"]
    }

    assert all(entry["timestamp"] == entry["at"] for entry in by_status.values())
    assert by_status["pending"]["metadata"] == {}
    assert by_status["building"]["metadata"] == {"dexUsed": "raydium", "executedPrice": "150"}
    assert by_status["confirmed"]["metadata"]["txHash"].startswith("sig-")


def test_of_a_status_taken_twice_only_the_last_says_what_the_order_says() -> None:
    entries = order(public_order(history(ending="rerouted")))["statusHistory"]
    building = [entry["metadata"] for entry in entries if entry["status"] == "building"]

    assert building[:-1] == [{}] * (len(building) - 1)
    assert building[-1]["dexUsed"]


def test_an_accepted_order_says_when_it_was_accepted() -> None:
    answer = accepted({"orderId": new_order_id(NOON), "status": "pending"})

    assert answer["timestamp"] == "2026-01-01T12:00:00.000Z"
