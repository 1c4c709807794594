"""What a venue's record says, and what it costs the venue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.orders.values import FailureReason
from shared.venues.health.record import LEAST_BPS, MOST_BPS, discount_bps, record, records
from shared.venues.health.tally import BOUNDS_MS, QUOTED, Tally

COUNTS = st.floats(0, 10_000)


def test_a_venue_that_nobody_knows_has_no_discount() -> None:
    assert record({}).discount_bps == 0
    assert record({}).realised is None


@pytest.mark.parametrize(
    ("landed", "ratios", "lost", "bps"),
    [
        (1_000, 1_000.0, {}, 0),
        (1_000, 1_010.0, {}, 0),  # More than was quoted is nobody's loss, and no bonus.
        (80, 79.0, {}, 100),  # A swap short of a whole one, by a hundred.
        (1_000, 1_000.0, {"gone": 50}, 0),  # Prices move.
        (0, 0.0, {"gone": 5}, 1_250),  # Half, as far as is known: to the third.
        (0, 0.0, {"failed": 5}, 1_250),
        (0, 0.0, {"gone": 100}, 8_638),
        (0, 0.0, {"gone": 10_000}, MOST_BPS),
        (100, 100.0, {"expired": 500, "VENUE_REJECTED": 500}, 0),  # No venue's doing.
        (20, 20.0, {"FIREWALL_REFUSED": 3}, 1_622),
        (1_000, 999.9, {}, 0),  # Chance.
    ],
)
def test_short_payment_and_lost_routes_make_a_discount(
    landed: float, ratios: float, lost: dict[str, float], bps: int
) -> None:
    assert discount_bps(landed, ratios, lost) == bps


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_discount_is_bounded_and_grows_with_what_is_lost(
    landed: float, ratio: float, lost: float, more: float
) -> None:
    ratios = landed * min(ratio, 2.0)
    less, most = (discount_bps(landed, ratios, {"gone": n}) for n in (lost, lost + more))

    assert less == 0 or LEAST_BPS <= less <= MOST_BPS
    assert less <= most <= MOST_BPS


@pytest.mark.parametrize(("lie", "orders"), [(1.01, 2), (1.05, 4), (1.5, 12), (2.0, 20)])
def test_a_liar_that_never_pays_loses_after_a_few_orders(lie: float, orders: int) -> None:
    lost = 0
    while lie * (10_000 - discount_bps(0, 0, {"gone": lost})) > 10_000:
        lost += 1

    assert lost <= orders


def test_times_are_told_by_the_bound_within_which_they_were() -> None:
    tally = Tally()
    for ms in range(1, 101):
        tally.timed("raydium", QUOTED, ms / 1_000)
    told = records(tally.take())["raydium"]

    assert (told.quoted, told.quote_p50_ms, told.quote_p99_ms) == (100, 50, 100)


def test_what_took_longer_than_any_bound_is_told_as_the_last() -> None:
    tally = Tally()
    tally.timed("raydium", QUOTED, 3_600)

    assert records(tally.take())["raydium"].quote_p50_ms == BOUNDS_MS[-1]


def test_sums_are_kept_by_venue_also_for_a_name_with_a_slash_and_given_back() -> None:
    tally = Tally()
    tally.add("a/b", "won")
    tally.add("a", f"lost.{FailureReason.SLIPPAGE_EXCEEDED}", 2)
    taken = tally.take()
    assert not tally
    tally.give_back(taken)
    tally.add("a/b", "won")
    told = records(tally.take())

    assert told["a/b"].won == 2
    assert told["a"].lost == {"SLIPPAGE_EXCEEDED": 2}
