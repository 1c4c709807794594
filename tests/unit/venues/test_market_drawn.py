"""The market without a script: whoever quotes at a moment quotes the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.venues.market.drawn import Rates

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAIR = ("SOL", "USDC")


def rates(seed: str = "", venue: str = "raydium", shared: str = "slip") -> Rates:
    return Rates(seed, venue, shared=shared, block_ms=400)


def in_blocks(one: Rates, count: int, pair: tuple[str, str] = PAIR) -> list[Decimal]:
    return [one.luck(*pair, NOW + timedelta(milliseconds=400 * block)) for block in range(count)]


def test_two_replicas_draw_the_same_in_any_order() -> None:
    backwards = rates()
    drawn = [in_blocks(backwards, block + 1)[block] for block in reversed(range(10))]

    assert in_blocks(rates(), 10) == drawn[::-1]


def test_a_rate_holds_for_a_block_and_not_for_longer() -> None:
    one = rates()
    within = {one.luck(*PAIR, NOW + timedelta(milliseconds=ms)) for ms in range(0, 400, 7)}

    assert len(within) == 1
    assert len(set(in_blocks(one, 50))) > 40


def test_venues_pairs_directions_and_namespaces_differ() -> None:
    drawn = [
        in_blocks(rates(), 5),
        in_blocks(rates(venue="meteora"), 5),
        in_blocks(rates(shared="other"), 5),
        in_blocks(rates(), 5, ("USDC", "SOL")),
        in_blocks(rates(), 5, ("SOL", "USDT")),
    ]

    assert len({tuple(one) for one in drawn}) == len(drawn)


def test_with_a_seed_a_rate_stays_as_it_is() -> None:
    assert len(set(in_blocks(rates("seed"), 50))) == 1
    assert in_blocks(rates("seed"), 1) == in_blocks(rates("seed", shared="other"), 1)
    assert in_blocks(rates("seed"), 1) != in_blocks(rates("other"), 1)


@pytest.mark.parametrize("venue", ["raydium", "meteora"])
def test_rates_spread_evenly_over_their_range(venue: str) -> None:
    drawn = in_blocks(rates(venue=venue), 4_000)

    assert 0 <= min(drawn) < Decimal("0.01")
    assert Decimal("0.99") < max(drawn) < 1
    assert Decimal("0.47") < sum(drawn) / len(drawn) < Decimal("0.53")  # Six deviations either way.
