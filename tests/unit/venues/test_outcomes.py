"""What becomes of a route tells for or against its venue, and what is not its doing does not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OrderFailed,
    OrderRouted,
    RouteExpired,
    TransactionExpired,
    TransactionSigned,
)
from shared.orders.values import FailureReason, Receipt
from shared.venues.health import outcomes
from shared.venues.health.outcomes import Outcomes
from shared.venues.health.tally import Tally
from tests.support.builders import NOON, a_route, a_transaction, routed

ROUTED = routed(a_route("raydium", "200"))
SIGNED = TransactionSigned(
    **ROUTED.next(NOON), venue="raydium", transaction=a_transaction(), attempt=1
)
LATER = NOON + timedelta(seconds=2)


def confirmed(paid: str, venue: str = "raydium") -> OrderConfirmed:
    receipt = Receipt(amount_in=Decimal(1), amount_out=Decimal(paid))
    return OrderConfirmed(
        **SIGNED.next(LATER), venue=venue, signature="5sig", receipt=receipt, price=receipt.price
    )


def failed(reason: FailureReason) -> OrderFailed:
    return OrderFailed(**SIGNED.next(LATER), reason=reason, detail="", attempts=1)


def noted(*steps: tuple[OrderEvent, OrderEvent]) -> dict[str, float]:
    tally = Tally()
    seen = Outcomes(tally)
    for event, after in steps:
        seen.note(event, [after])
    return tally.take()


def test_a_landed_swap_is_held_against_what_was_quoted() -> None:
    assert noted((ROUTED, SIGNED), (SIGNED, confirmed("199"))) == {
        "raydium/landed": 1,
        "raydium/ratio": 0.995,
        "raydium/landingMs": 2_000,
    }


def test_what_this_replica_did_not_sign_is_no_sample() -> None:
    assert noted((SIGNED, confirmed("199"))) == {}


def test_an_order_that_was_routed_anew_is_held_against_its_last_route() -> None:
    again = routed(a_route("meteora", "100"), order_id=ROUTED.order_id)
    told = noted((ROUTED, SIGNED), (again, SIGNED), (SIGNED, confirmed("100", "meteora")))

    assert told["meteora/ratio"] == 1
    assert not any(name.startswith("raydium") for name in told)


@pytest.mark.parametrize(
    ("why", "failed", "lost"),
    [("", False, {}), ("50 now", False, {"gone"}), ("503", True, {"failed"})],
)
def test_a_route_that_was_not_built_is_lost_unless_it_went_stale(
    why: str, failed: bool, lost: set[str]
) -> None:
    expired = RouteExpired(
        **ROUTED.next(NOON), venue="raydium", expired_at=NOON, why=why, failed=failed
    )

    assert noted((ROUTED, expired)) == {f"raydium/lost.{name}": 1 for name in lost}


@pytest.mark.parametrize("reason", [FailureReason.SLIPPAGE_EXCEEDED, FailureReason.FAILED_ON_CHAIN])
def test_a_failure_on_chain_is_its_venues(reason: FailureReason) -> None:
    assert noted((ROUTED, SIGNED), (SIGNED, failed(reason))) == {f"raydium/lost.{reason}": 1}


@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        (FailureReason.FIREWALL_REFUSED, True),
        (FailureReason.VENUE_REJECTED, True),
        (FailureReason.INSUFFICIENT_FUNDS, False),
        (FailureReason.RETRIES_EXHAUSTED, False),
    ],
)
def test_a_failure_before_the_signature_counts_for_its_reason(
    reason: FailureReason, counts: bool
) -> None:
    assert noted((ROUTED, failed(reason))) == ({f"raydium/lost.{reason}": 1} if counts else {})


def test_a_transaction_that_was_dropped_is_told_once() -> None:
    expired = TransactionExpired(**SIGNED.next(LATER), signature="5sig", proof="", attempt=1)

    assert noted((ROUTED, SIGNED), (SIGNED, expired), (SIGNED, expired)) == {
        "raydium/lost.expired": 1
    }


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "_REMEMBERED", 3)
    seen = Outcomes(Tally())
    for _ in range(10):
        order: OrderRouted = routed(a_route())
        seen.note(
            order,
            [
                TransactionSigned(
                    **order.next(NOON), venue="raydium", transaction=a_transaction(), attempt=1
                )
            ],
        )

    assert len(seen._promises) == 3
