"""What clients may see: never the signed bytes, and the same whichever way it is made."""

from __future__ import annotations

from base64 import b64encode
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given

from shared.orders.codec import MalformedEvent, encode
from shared.orders.events import OrderEvent
from shared.orders.order import evolve
from shared.orders.view import public_event, public_json, public_order, status_after
from tests.support.builders import a_transaction, history
from tests.support.walks import EVERY_KIND, an_event, histories

SIGNED = b64encode(a_transaction().payload)


def raw_view(event: OrderEvent) -> bytes:
    """Return the view that is made of the bytes on the log."""
    return public_json(type(event).__name__, encode(event))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_both_ways_to_show_an_event_give_the_same_json(kind: type[OrderEvent]) -> None:
    event = an_event(kind)

    assert raw_view(event) == msgspec.json.encode(public_event(event))


@given(histories())
def test_signed_bytes_are_on_the_log_and_nowhere_else(events: list[OrderEvent]) -> None:
    shown = [raw_view(event) for event in events]
    shown += [msgspec.json.encode(public_event(event)) for event in events]
    shown.append(msgspec.json.encode(public_order(events)))

    assert not any(SIGNED in view or b"payload" in view for view in shown)


def test_the_log_itself_has_the_signed_bytes() -> None:
    assert any(SIGNED in encode(event) for event in history(ending="sent"))


@given(histories())
def test_the_status_shown_with_an_event_is_that_of_the_fold(events: list[OrderEvent]) -> None:
    order = None
    for event in events:
        order = evolve(order, event)

        assert status_after(event) == order.status
        assert public_event(event)["status"] == order.status
        assert msgspec.json.decode(raw_view(event))["status"] == order.status


@given(histories())
def test_the_status_history_has_each_change_once(events: list[OrderEvent]) -> None:
    shown = public_order(events)
    statuses = [change["status"] for change in shown["statusHistory"]]

    assert statuses[-1] == shown["status"]
    assert all(one != other for one, other in pairwise(statuses))


def test_a_client_sees_every_field_of_an_event_but_the_signed_bytes() -> None:
    signed = history(ending="sent")[3]

    assert public_event(signed) == {
        "status": "building",
        "type": "TransactionSigned",
        "orderId": signed.order_id,
        "version": 4,
        "at": "2026-01-01T12:00:00.300000Z",
        "schema": 1,
        "venue": "raydium",
        "transaction": {
            "signature": f"sig-{signed.order_id}",
            "validUntil": 1_000,
            "signedSlot": 0,
        },
        "attempt": 1,
    }


def test_an_unresolved_order_is_submitted_and_says_so() -> None:
    shown = public_order(history(ending="unresolved"))

    assert (shown["status"], shown["unresolved"]) == ("submitted", True)


def test_an_order_that_failed_tells_why() -> None:
    shown = public_order(history(ending="failed"))

    assert shown["failure"] == {"reason": "NO_ROUTE", "detail": "no venue trades this pair"}


def test_an_order_needs_an_event() -> None:
    with pytest.raises(ValueError, match="at least one event"):
        public_order([])


@pytest.mark.parametrize("kind", ["TransactionSigned", "OrderTeleported", ""])
def test_an_event_of_unknown_make_is_never_passed_on_unread(kind: str) -> None:
    with pytest.raises(MalformedEvent):
        public_json(kind, b'{"payload":"c2lnbmVk"}')
