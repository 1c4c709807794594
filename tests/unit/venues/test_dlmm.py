"""Quotes of Meteora's pools of bins, against what the real program answered and its formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.solana.sysvars import ChainClock
from shared.venues.meteora.accounts import FeeTerms, Volatility
from shared.venues.meteora.bins import NoSwap
from shared.venues.meteora.bitmap import next_array
from shared.venues.meteora.fees import fee_from, fee_on, rate_of
from shared.venues.meteora.figures import fee_bps, mid_price, price_impact_bps
from shared.venues.meteora.prices import price_of
from shared.venues.meteora.walk import Standing, Swapped, swap
from tests.support.meteora import Recorded, recorded_swaps, standing, vectors

NOW = ChainClock(slot=450_000_000, unix_time=1_763_000_000)
# Pools that the recorder changed into kinds that their addresses cannot be of: the program panics.
ARTEFACTS = {"PrivilegeEscalation", "ProgramFailedToComplete"}


def the_programs(case: Mapping[str, Any]) -> dict[str, Any]:
    if not case["ok"]:
        return {"code": case["error"]["code"]}
    told, after = case["event"]["swap"], case["after"]
    return {
        "amount_out": case["amount_out"],
        "fee": told["fee"],
        "protocol_fee": told["protocol_fee"],
        "end": told["end_bin_id"],
        "volatility": (
            after["volatility_accumulator"],
            after["volatility_reference"],
            after["index_reference"],
            after["last_update_timestamp"],
        ),
        "owed": (after["protocol_fee_x"], after["protocol_fee_y"]),
    }


def ours(case: Mapping[str, Any], pool: Recorded) -> dict[str, Any]:
    at, side = pool.standing(case["bin_arrays"]), 0 if case["x_to_y"] else 1
    clock = ChainClock(slot=vectors()["meta"]["slot"], unix_time=case["clock"])
    try:
        swapped = swap(at, side, case["amount_in"], clock)
    except NoSwap as error:
        return {"code": error.code}
    if swapped.amount_out < case["min_out"]:
        return {"code": 6003}
    owed = list(at.pair.protocol_fees)
    owed[side if swapped.fee_on_input else 1 - side] += swapped.protocol_fee
    went = swapped.volatility
    return {
        "amount_out": swapped.amount_out,
        "fee": swapped.fee,
        "protocol_fee": swapped.protocol_fee,
        "end": swapped.active_id,
        "volatility": (went.accumulator, went.reference, went.index, went.updated),
        "owed": tuple(owed),
    }


def test_every_quote_is_what_the_real_program_answered() -> None:
    """Amounts, fees, the last bin, and volatility; and of refused ones the error."""
    differing, answers = [], Counter[str]()
    for case, pool in recorded_swaps():
        if not case["ok"] and case["error"]["kind"] in ARTEFACTS:
            continue
        answers["paid" if case["ok"] else str(case["error"]["code"])] += 1
        if (here := ours(case, pool)) != (there := the_programs(case)):
            differing.append((case["id"], here, there))

    assert not differing
    assert answers == {
        "paid": 559,
        "6036": 43,
        "6003": 27,
        "6042": 13,
        "6039": 11,
        "3005": 6,
        "6002": 4,
        "1": 4,
    }


@pytest.mark.parametrize(
    ("bin_id", "bin_step", "price"),
    [
        (0, 25, 1 << 64),
        (1, 25, 18492860933893825495),
        (-1, 25, 18400742218164141262),
        (1_000, 10, 50118400445692101499),
    ],
)
def test_a_bins_price_is_the_step_to_the_power_of_its_number(
    bin_id: int, bin_step: int, price: int
) -> None:
    assert price_of(bin_id, bin_step) == price


def test_the_price_of_every_recorded_bin_is_the_one_that_is_stored() -> None:
    stored, differing = 0, []
    for name in ("EtAd-walk-0", "9t3E-walk-0"):
        at = Recorded(name).standing([-1, 0])
        for index, array in at.arrays.items():
            for bin_id in range(index * 70, index * 70 + 70):
                found = array.bin(bin_id).price
                stored += found > 0
                if found not in (0, price_of(bin_id, at.pair.bin_step)):
                    differing.append(bin_id)

    assert not differing
    assert stored > 100


@pytest.mark.parametrize(("bin_id", "bin_step"), [(1 << 19, 10), (400_000, 400), (-400_000, 400)])
def test_a_bin_without_a_price_is_an_error(bin_id: int, bin_step: int) -> None:
    with pytest.raises(ValueError, match=str(bin_id)):
        price_of(bin_id, bin_step)


@pytest.mark.parametrize(
    ("moved", "power", "rate"),
    [(0, 0, 1_000_000), (30_000, 0, 1_036_000), (0, 1, 10_000_000), (350_000, 9, 100_000_000)],
)
def test_the_fee_is_a_base_and_the_square_of_the_volatility_and_no_more_than_a_tenth(
    moved: int, power: int, rate: int
) -> None:
    terms = FeeTerms(10_000, 30, 600, 5_000, 40_000, 350_000, 500, power)

    assert rate_of(terms, 10, Volatility(moved, 0, 0, 0)) == rate


@given(st.integers(0, 2**64 - 1), st.integers(0, 100_000_000))
def test_the_fee_on_what_is_left_of_an_amount_is_the_fee_in_it_but_for_an_atom(
    amount: int, rate: int
) -> None:
    taken = fee_from(amount, rate)

    assert 0 <= taken - fee_on(amount - taken, rate) <= 1


@dataclass(frozen=True)
class Trade:
    pool: Standing
    side: int
    amount: int

    def swap(self, amount: int | None = None) -> Swapped:
        try:
            return swap(self.pool, self.side, self.amount if amount is None else amount, NOW)
        except NoSwap as error:
            assume(error.code not in (6036, 6039))  # Too much for the pool, or too little.
            raise


def _bins(active: int, sizes: list[int]) -> dict[int, tuple[int, ...]]:
    """Return bins below the active one with Y, those above it with X, and itself with both."""
    start = active - len(sizes) // 2
    return {
        bin_id: (size if bin_id >= active else 0, size if bin_id <= active else 0)
        for bin_id, size in enumerate(sizes, start)
    }


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    active = draw(st.integers(-150, 150))
    sizes = draw(st.lists(st.integers(0, 10**12), min_size=1, max_size=90))
    fields = {
        "active_id": active,
        "bin_step": draw(st.sampled_from([1, 10, 100, 400])),
        "base_factor": draw(st.integers(0, 20_000)),
        "variable_fee_control": draw(st.sampled_from([0, 40_000, 2_000_000])),
        "protocol_share": draw(st.integers(0, 2_500)),
        "collect_fee_mode": draw(st.integers(0, 1)),
        "index_reference": active + draw(st.integers(-20, 20)),
        "volatility_reference": draw(st.integers(0, 300_000)),
        "last_update_timestamp": NOW.unix_time - draw(st.sampled_from([0, 29, 30, 599, 600])),
    }
    pool = standing(_bins(active, sizes), **fields)
    return Trade(pool, draw(st.integers(0, 1)), draw(st.integers(1, 10**13)))


@given(trades(), st.integers(1, 10**13))
def test_more_in_never_pays_less(trade: Trade, more: int) -> None:
    assert trade.swap(trade.amount + more).amount_out >= trade.swap().amount_out


@given(trades())
def test_a_pool_takes_all_that_is_given_and_pays_no_more_than_it_has(trade: Trade) -> None:
    swapped = trade.swap()

    assert swapped.amount_in == trade.amount
    assert (
        swapped.amount_out + (0 if swapped.fee_on_input else swapped.fee)
        <= (trade.pool.reserves[1 - trade.side])
    )
    assert 0 <= swapped.protocol_fee <= swapped.fee


@given(trades())
def test_no_swap_is_better_than_the_price_of_the_active_bin_and_the_figures_explain_it(
    trade: Trade,
) -> None:
    swapped, price = trade.swap(), mid_price(trade.pool.pair, trade.side)
    rest = 1 - fee_bps(swapped) / 10_000, 1 - price_impact_bps(trade.pool.pair, swapped) / 10_000
    explained = Fraction(trade.amount) * price * Fraction(rest[0] * rest[1])

    assert swapped.amount_out <= trade.amount * price
    # Each figure is rounded to a hundredth of a basis point, and an atom may be lost to rounding.
    assert abs(explained - swapped.amount_out) <= trade.amount * price / 500_000 + price + 1


def test_an_amount_that_the_nearest_arrays_cannot_fill_is_refused_and_not_filled_in_part() -> None:
    at = standing({0: (0, 1_000), -1: (0, 1_000)})

    with pytest.raises(NoSwap, match="than it has") as refused:
        swap(at, 0, 10_000, NOW)
    assert refused.value.code == 6036


def test_an_amount_that_empties_a_bin_exactly_gets_what_was_in_it() -> None:
    """Two atoms are worth ten at this bin's price, and seven are there."""
    fields = {"bin_step": 400, "base_factor": 0, "variable_fee_control": 0}
    swapped = swap(standing({42: (0, 7)}, active_id=42, **fields), 0, 2, NOW)

    assert (swapped.amount_out, swapped.active_id) == (7, 42)


def test_bins_that_hold_less_than_they_say_are_refused() -> None:
    at = standing({0: (0, 10_000)})
    poor = Standing(address=at.address, pair=at.pair, reserves=(0, 900), arrays=at.arrays)

    with pytest.raises(NoSwap, match="reserve"):
        swap(poor, 0, 5_000, NOW)


def test_limit_orders_are_filled_behind_the_liquidity_and_pay_the_protocol_half_their_fee() -> None:
    row = (0, 1_000, 0, 0, 3_000, 2_000, 2_000, 1, 0)  # Orders bid for X with 2,000 and 3,000 Y.
    fields = {"variable_fee_control": 0, "protocol_share": 0, "function_type": 2}

    swapped = swap(standing({0: row}, **fields), 0, 5_000, NOW)

    assert (swapped.amount_out, swapped.fee, swapped.protocol_fee) == (4_995, 5, 2)


@pytest.mark.parametrize(
    "fields",
    [{"function_type": 1}, {"function_type": 0, "reward_mint": b"r" * 32}],
    ids=["mining", "rewards"],
)
def test_pools_that_may_have_no_limit_orders_do_not_count_them(fields: dict[str, Any]) -> None:
    row = (0, 1_000, 0, 0, 3_000, 2_000, 2_000, 1, 0)

    with pytest.raises(NoSwap):
        swap(standing({0: row}, **fields), 0, 5_000, NOW)


@pytest.mark.parametrize(
    ("activation_type", "now", "is_open"),
    [(0, 449_999_999, False), (0, 450_000_000, True), (1, 99, False), (1, 100, True)],
)
def test_a_pool_that_opens_later_is_closed_until_then(
    activation_type: int, now: int, is_open: bool
) -> None:
    point = 100 if activation_type else 450_000_000
    at = standing(
        {0: (0, 10_000)}, pair_type=2, activation_type=activation_type, activation_point=point
    )
    slot, unix_time = (0, now) if activation_type else (now, 0)

    clock = ChainClock(slot=slot, unix_time=unix_time)
    with nullcontext() if is_open else pytest.raises(NoSwap, match="have not begun"):
        assert swap(at, 0, 5_000, clock).amount_out > 0


@given(st.integers(0, 2**1_024 - 1), st.integers(-512, 511), st.integers(0, 1))
def test_the_next_array_is_the_nearest_one_whose_bit_is_set(
    bitmap: int, index: int, side: int
) -> None:
    way = range(index, 512) if side else range(index, -513, -1)
    nearest = next((place for place in way if bitmap >> (place + 512) & 1), None)

    assert next_array(bitmap, index, side) == nearest


@pytest.mark.parametrize("index", [-513, 512])
def test_arrays_of_the_bitmaps_extension_are_not_known(index: int) -> None:
    assert next_array(2**1_024 - 1, index, 0) is None


def test_an_impact_of_two_equal_bins_is_half_a_step() -> None:
    at = standing(
        {0: (0, 10**9), -1: (0, 10**9)}, bin_step=100, base_factor=0, variable_fee_control=0
    )
    swapped = swap(at, 0, 2 * 10**9, NOW)

    assert fee_bps(swapped) == 0
    assert price_impact_bps(at.pair, swapped) == Decimal("49.50")
