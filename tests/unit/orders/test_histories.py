"""Golden histories: what was once written to the log reads today as it did then.

The files in `tests/histories` are never changed. A new shape of an event gets a new file.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from shared.orders.codec import decode, encode
from shared.orders.events import OrderEvent, OrderRouted
from shared.orders.order import Order, replay
from shared.orders.states import State
from shared.orders.values import FailureReason
from shared.orders.view import public_json, status_after

FOLDER = Path(__file__).parents[2] / "histories"


class Expected(NamedTuple):
    """What a history folds to."""

    state: State
    version: int
    attempts: int
    venue: str | None = None
    signed: bool = False
    amount_out: str | None = None
    failure: FailureReason | None = None
    cancel_requested: bool = False
    contradicted: bool = False


EXPECTED = {
    "confirmed": Expected(State.CONFIRMED, 6, 1, "raydium", True, "224.010000000"),
    "confirmed-after-a-split": Expected(State.CONFIRMED, 6, 1, "split", True, "1462038.539674"),
    "confirmed-in-a-trace": Expected(State.CONFIRMED, 6, 1, "raydium", True, "224.010000000"),
    "confirmed-despite-a-discount": Expected(
        State.CONFIRMED, 6, 1, "raydium", True, "224.010000000"
    ),
    "confirmed-though-send-was-refused": Expected(
        State.CONFIRMED, 5, 1, "raydium", True, "224.010000000"
    ),
    "rerouted-then-confirmed": Expected(State.CONFIRMED, 8, 2, "raydium", True, "224.010000000"),
    "rerouted-past-a-venue": Expected(State.CONFIRMED, 8, 2, "meteora", True, "224.010000000"),
    "unresolved-then-confirmed": Expected(State.CONFIRMED, 7, 1, "raydium", True, "224.010000000"),
    "unresolved-then-failed": Expected(
        State.FAILED, 7, 1, "raydium", True, failure=FailureReason.FAILED_ON_CHAIN
    ),
    "transaction-expired-then-confirmed": Expected(
        State.CONFIRMED, 10, 2, "meteora", True, "223.500000000"
    ),
    "cancel-requested-then-confirmed": Expected(
        State.CONFIRMED, 7, 1, "raydium", True, "224.010000000", cancel_requested=True
    ),
    "cancel-requested-then-cancelled": Expected(
        State.CANCELLED, 9, 1, "raydium", signed=True, cancel_requested=True
    ),
    "cancelled": Expected(State.CANCELLED, 3, 0),
    "expired": Expected(State.EXPIRED, 4, 1, "raydium"),
    "failed-without-a-route": Expected(State.FAILED, 3, 0, failure=FailureReason.NO_ROUTE),
    "failed-for-an-unknown-token": Expected(
        State.FAILED, 3, 0, failure=FailureReason.UNKNOWN_TOKEN
    ),
    "failed-after-retries": Expected(State.FAILED, 3, 0, failure=FailureReason.RETRIES_EXHAUSTED),
    "failed-out-of-routes": Expected(
        State.FAILED, 7, 2, "raydium", failure=FailureReason.ROUTES_EXHAUSTED
    ),
    "failed-at-the-venue": Expected(
        State.FAILED, 4, 1, "raydium", failure=FailureReason.VENUE_REJECTED
    ),
    "failed-for-lack-of-funds": Expected(
        State.FAILED, 4, 1, "raydium", failure=FailureReason.INSUFFICIENT_FUNDS
    ),
    "failed-at-the-firewall": Expected(
        State.FAILED, 4, 1, "raydium", failure=FailureReason.FIREWALL_REFUSED
    ),
    "confirmed-then-taken-back": Expected(
        State.CONFIRMED, 7, 1, "raydium", True, "224.010000000", contradicted=True
    ),
    "confirmed-then-landed-anew": Expected(
        State.CONFIRMED, 7, 1, "raydium", True, "223.990000000", contradicted=True
    ),
    "failed-on-chain": Expected(
        State.FAILED, 6, 1, "raydium", True, failure=FailureReason.SLIPPAGE_EXCEEDED
    ),
    "contradicted": Expected(
        State.FAILED, 7, 1, "raydium", True, None, FailureReason.FAILED_ON_CHAIN, contradicted=True
    ),
}


def lines(name: str) -> list[bytes]:
    return (FOLDER / f"{name}.jsonl").read_bytes().splitlines()


def events(name: str) -> list[OrderEvent]:
    return [decode(line) for line in lines(name)]


def standing(order: Order) -> Expected:
    return Expected(
        order.state,
        order.version,
        order.attempts,
        order.route.venue if order.route else None,
        order.signature is not None,
        str(order.receipt.amount_out) if order.receipt else None,
        order.failure,
        order.cancel_requested,
        order.contradicted,
    )


def test_every_golden_history_says_what_it_folds_to() -> None:
    assert {file.stem for file in FOLDER.glob("*.jsonl")} == EXPECTED.keys()


def test_the_golden_histories_know_every_event_and_every_reason() -> None:
    told = [event for name in EXPECTED for event in events(name)]

    assert {type(event) for event in told} == set(OrderEvent.__args__)
    assert {expected.failure for expected in EXPECTED.values()} >= set(FailureReason)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_golden_history_folds_to_what_it_always_did(name: str) -> None:
    order = replay(events(name))

    assert order is not None
    assert standing(order) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_what_clients_see_of_a_golden_history_holds_no_signed_bytes(name: str) -> None:
    for line, event in zip(lines(name), events(name), strict=True):
        shown = msgspec.json.decode(public_json(type(event).__name__, line))

        assert b"payload" not in msgspec.json.encode(shown)
        assert shown["status"] == status_after(event)


def test_a_split_is_told_with_its_parts_and_with_the_best_that_one_pool_would_have_paid() -> None:
    order = replay(events("confirmed-after-a-split"))

    assert order is not None
    assert order.route is not None
    quote = order.route.quote
    assert [leg.amount_in for leg in quote.legs] == [
        Decimal("7497.095578662"),
        Decimal("2502.904421338"),
    ]
    assert quote.best_single is not None
    assert quote.net_out - quote.best_single.net_out == Decimal("9262.852124")


def test_quotes_of_one_pool_are_written_as_they_always_were() -> None:
    for line, event in zip(lines("confirmed"), events("confirmed"), strict=True):
        if isinstance(event, OrderRouted):
            said = line[line.index(b'"route"') : line.index(b'"attempt"')]

            assert said in encode(event)


def test_a_field_that_may_be_left_out_is_still_found_under_its_old_name() -> None:
    order = replay(events("expired"))

    assert order is not None
    assert order.intent.expires_at == datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC)
