"""A pool of Meteora's as splits and reference prices see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.solana.sysvars import ChainClock
from shared.venues.meteora.bins import NoSwap
from shared.venues.meteora.pool import DlmmPool
from shared.venues.onchain.pools import SCALE
from tests.support.meteora import standing

NOW = ChainClock(slot=450_000_000, unix_time=1_763_000_000)
# Three bins of Y at 1, 1/1.01 and 1/1.01^2, and a fee of a tenth throughout.
BINS = {0: (0, 1_000_000), -1: (0, 1_000_000), -2: (0, 1_000_000)}
TENTH = {"bin_step": 100, "base_factor": 65_535, "base_fee_power_factor": 1}


def a_pool(side: int = 0, **fields: int) -> DlmmPool:
    pool = standing(BINS, **{**TENTH, "variable_fee_control": 0, **fields})
    return DlmmPool(venue="meteora", standing=pool, side=side, clock=NOW)


def whole(pool: DlmmPool) -> int:
    return pool.takes(1)


def test_a_pool_takes_what_its_bins_hold_at_that_price_or_a_better_one() -> None:
    pool = a_pool()
    nine_tenths = SCALE * 9 // 10

    assert pool.takes(nine_tenths + 1) == 0
    assert pool.takes(nine_tenths) == 1_111_112  # With a fee of a tenth of it.
    assert pool.takes(nine_tenths * 100 // 101 + 1) == 1_111_112
    assert (
        pool.takes(nine_tenths * 100 // 102) == 1_111_112 + 1_122_224
    )  # 1,010,001 for them, and a fee
    assert pool.offer(whole(pool)).amount_out == 3_000_000


def test_a_fee_on_what_comes_out_is_in_the_price_and_not_in_the_amount() -> None:
    pool = a_pool(collect_fee_mode=1)

    assert pool.takes(SCALE * 9 // 10) == 1_000_000
    assert pool.offer(1_000_000).amount_out == 900_000


def test_nothing_is_taken_on_the_side_that_is_empty() -> None:
    assert whole(a_pool(1)) == 0


@given(
    st.integers(1, SCALE * 2),
    st.integers(1, SCALE * 2),
    st.integers(-9, 9),
    st.sampled_from([0, 100_000, 4_000_000]),
)
def test_for_a_lower_price_no_fewer_are_taken_and_all_of_it_is_paid_that_on_average(
    price: int, other: int, index: int, control: int
) -> None:
    low, high = sorted((price, other))
    pool = a_pool(
        base_factor=1_000,
        base_fee_power_factor=0,
        variable_fee_control=control,
        index_reference=index,
        last_update_timestamp=NOW.unix_time,
    )
    taken = pool.takes(high)

    assert pool.takes(low) >= taken
    if taken:
        # Up to an atom is lost to rounding in each of the three bins, in and out.
        assert (pool.offer(taken).amount_out + 6) * SCALE >= taken * high


def test_swaps_through_other_numbers_of_bins_are_told_apart_but_for_a_bin_or_two() -> None:
    pool = DlmmPool(
        venue="meteora",
        standing=standing({-number: (0, 1_000) for number in range(60)}, base_factor=0),
        side=0,
        clock=NOW,
    )
    shapes = [pool.shape(amount) for amount in range(500, 60_000, 1_000)]
    runs = [shapes.count(shape) for shape in set(shapes)]

    assert max(runs) <= 5
    assert len(runs) <= 24
    assert pool.shape(10) == pool.shape(900)


@pytest.mark.parametrize(
    ("side", "active", "amount", "arrays"),
    [
        (0, 0, 10, (1, 0, -1)),
        (1, 0, 10, (-1, 0, 1)),
        (0, 0, 1_500, (0, -1, -2)),
        (0, 69, 1_500, (1, 0, -1)),
        (1, 0, 1_500, (-1, 0, 1)),
        (1, 69, 2_500, (0, 1, 2)),
        (0, 0, 2_500, (0, -1, -2)),
        (0, -211, 10, (-3, -4)),
        (1, 141, 10, (1, 2)),
    ],
)
def test_a_swap_names_the_arrays_it_takes_and_the_nearest_besides_three_in_all_in_its_order(
    side: int, active: int, amount: int, arrays: tuple[int, ...]
) -> None:
    bins = dict.fromkeys((-211, -141, -71, -1, 0, 69, 70, 71, 141), (1_000, 1_000))
    pool = DlmmPool(
        venue="meteora",
        standing=standing(bins, base_factor=0, bin_step=1, active_id=active),
        side=side,
        clock=NOW,
    )

    assert pool.arrays(amount) == arrays


def test_a_swap_that_takes_more_arrays_than_three_is_refused() -> None:
    bins = dict.fromkeys((-211, -141, -71, -1, 0), (1_000, 1_000))
    at = standing(bins, base_factor=0)
    nearby = {index: array for index, array in at.arrays.items() if index > -3}
    pool = DlmmPool(
        venue="meteora",
        standing=type(at)(address=at.address, pair=at.pair, reserves=at.reserves, arrays=nearby),
        side=0,
        clock=NOW,
    )

    assert pool.offer(2_500).amount_out > 2_400
    try:
        pool.offer(3_500)
    except NoSwap as error:
        said = str(error)
    assert "bin array -3, which is too far" in said
