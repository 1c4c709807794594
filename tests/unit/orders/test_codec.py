"""Events to bytes and back."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.orders import codec
from shared.orders.codec import MalformedEvent, decode, encode
from shared.orders.events import OrderCancelled, OrderEvent, OrderSubmitted
from shared.orders.values import SwapIntent
from tests.support.builders import submitted
from tests.support.walks import EVERY_KIND, an_event

MALFORMED = [
    b"",
    b"{",
    b"null",
    b"5",
    b"[]",
    b"{}",
    b"\xff",
    b'{"type":["OrderCancelled"],"schema":[]}',
    b"[" * 100_000,
    b'{"type":"OrderCancelled","later":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"type":"OrderTeleported","orderId":"a","version":1,"at":"2026-01-01T12:00:00Z"}',
    b'{"type":"OrderCancelled","orderId":"a","at":"2026-01-01T12:00:00Z"}',
    b'{"type":"OrderCancelled","orderId":"a","version":"1","at":"2026-01-01T12:00:00Z"}',
    b'{"type":"OrderCancelled","orderId":"a","version":1,"at":"noon"}',
    b'{"type":"OrderCancelled","orderId":"a","version":1,"at":"2026-01-01T12:00:00Z","schema":2}',
]


def rewritten(event: OrderEvent, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return an event's bytes as somebody else would have written them."""
    fields = msgspec.json.decode(encode(event))
    change(fields)
    return msgspec.json.encode(fields)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_event_comes_back_as_it_was(kind: type[OrderEvent]) -> None:
    event = an_event(kind)

    assert decode(encode(event)) == event


@pytest.mark.parametrize("amount", ["0.000000001", "0.000000000", "1E+3"])
def test_amounts_are_written_in_plain_notation(amount: str) -> None:
    intent = SwapIntent(
        token_in="1E-7", token_out="USDC", amount_in=Decimal(amount), max_slippage_bps=0
    )
    event = submitted(intent=intent)

    written = msgspec.json.decode(encode(event))["intent"]
    assert written["amountIn"] == f"{Decimal(amount):f}"
    assert written["tokenIn"] == "1E-7"
    assert decode(encode(event)) == event


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=0, max_value=10**18),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)),  # noqa: DTZ001 - the timezone comes beside it
)
def test_amounts_and_times_come_back_exactly(amount: Decimal, at: datetime) -> None:
    intent = SwapIntent(
        token_in="SOL", token_out="USDC", amount_in=amount, max_slippage_bps=0, expires_at=at
    )

    read = decode(encode(submitted(intent=intent, at=at)))

    assert isinstance(read, OrderSubmitted)
    assert str(read.intent.amount_in) == str(amount)
    assert (read.intent.expires_at, read.at) == (at, at)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_collector_of_cycles_does_not_look_at_events(kind: type[OrderEvent]) -> None:
    event = decode(encode(an_event(kind)))

    assert not gc.is_tracked(event)


@pytest.mark.parametrize("raw", MALFORMED)
def test_what_is_no_event_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode(raw)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_field_of_a_later_version_is_ignored(kind: type[OrderEvent]) -> None:
    event = an_event(kind)

    assert decode(rewritten(event, lambda fields: fields.update(later={"a": [1]}))) == event


def test_an_event_of_an_old_schema_is_brought_up_to_date_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rename(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "orderId": fields["order"], "schema": 0}

    def put_into_utc(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "at": fields["at"] + "Z", "schema": 1}

    monkeypatch.setitem(codec.UPCASTS, ("OrderCancelled", -1), rename)
    monkeypatch.setitem(codec.UPCASTS, ("OrderCancelled", 0), put_into_utc)
    old = (
        b'{"type":"OrderCancelled","order":"a","version":3,"at":"2026-01-01T12:00:00","schema":-1}'
    )
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert decode(old) == OrderCancelled(order_id="a", version=3, at=at)


def test_an_upcast_that_finds_a_field_missing_makes_the_event_malformed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(
        codec.UPCASTS, ("OrderCancelled", 0), lambda fields: {"at": fields["when"], "schema": 1}
    )

    with pytest.raises(MalformedEvent):
        decode(b'{"type":"OrderCancelled","schema":0}')


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    event = submitted()
    there = event.at.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()

    assert decode(rewritten(event, lambda fields: fields.update(at=there))) == event
