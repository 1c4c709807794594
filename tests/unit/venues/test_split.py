"""No other division pays more, every part is bounded, and the firewall reads them all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.solana.addresses import SOL, Mint
from shared.solana.sysvars import ChainClock
from shared.venues.meteora.pool import DlmmPool
from shared.venues.onchain.pools import SCALE, NoSwap, Pool
from shared.venues.split.divide import Division, amount_out, divisions
from shared.venues.split.plan import Costed, anybodys, best_of, fits, least, pays_more, whole
from tests.support.meteora import standing
from tests.support.pools import MINTS, Steps, a_pool

SOLS, USDC = 10**9, 10**6
rates = st.integers(0, 50_000)
reserves = st.integers(10**6, 2**62)


def paid(pool: Pool, amount_in: int) -> int:
    try:
        return pool.offer(amount_in).amount_out
    except NoSwap:
        return 0


def best(pools: Sequence[Pool], amount_in: int, most: int = 3) -> Division:
    return max(divisions(pools, amount_in, most), key=amount_out, default=[])


def brute_force(pools: Sequence[Pool], amount_in: int) -> float:
    """Return the most that any division in whole atoms pays, none of its parts refused."""
    paying = [
        [0, *(paid(pool, amount) or -math.inf for amount in range(1, amount_in + 1))]
        for pool in pools
    ]
    *others, last = paying
    return max(
        sum(outs[part] for outs, part in zip(others, parts, strict=True))
        + last[amount_in - sum(parts)]
        for parts in product(range(amount_in + 1), repeat=len(others))
        if sum(parts) <= amount_in
    )


def roundings(pools: Sequence[Pool], division: Division) -> int:
    """Return what the roundings of a program are worth: an atom in, and one out, of each pool."""
    amounts = {part.pool.address: part.amount_in for part in division}

    def of_one(pool: Pool) -> int:
        amount = amounts.get(pool.address, 0)
        return 1 + max(paid(pool, amount + 1) - paid(pool, amount), 0)

    return sum(map(of_one, pools))


@st.composite
def small_pools(draw: st.DrawFn) -> list[Pool]:
    """Return two or three pools so small that every division can be tried."""
    return [
        a_pool(
            draw(st.integers(20, 2_000)),
            draw(st.integers(10**3, 10**7)),
            rate=draw(rates),
            creator_rate=draw(st.sampled_from([0, 10_000])),
            creator_fee_on=draw(st.integers(0, 2)),
            number=number,
        )
        for number in range(1, draw(st.integers(3, 4)))
    ]


@given(small_pools(), st.integers(1, 60))
def test_of_all_divisions_none_pays_more_but_for_roundings(
    pools: list[Pool], amount_in: int
) -> None:
    division = best(pools, amount_in)
    assume(division)

    assert brute_force(pools, amount_in) - amount_out(division) <= roundings(pools, division)


@given(
    st.tuples(st.integers(10**15, 2**60), st.integers(10**15, 2**60)),
    st.tuples(rates, rates, st.integers(0, 2)),
    st.integers(1, 10**6),
)
def test_a_pool_takes_as_much_as_earns_the_price(
    reserved: tuple[int, int], fees: tuple[int, int, int], millionths: int
) -> None:
    rate, creator_rate, fee_on = fees
    pool = a_pool(*reserved, rate=rate, creator_rate=creator_rate, creator_fee_on=fee_on)
    some = reserved[0] // 10**5
    price = max(1, paid(pool, some) * SCALE // some * millionths // 10**6)
    taken = pool.takes(price)
    assume(some < taken < 2**62)
    last, next_ = (abs(paid(pool, taken + more) - paid(pool, taken)) for more in (-some, some))
    earned, rounded = Fraction(some * price, SCALE), 2 + Fraction(2 * price, SCALE)

    assert next_ - rounded <= earned <= last + rounded


# An atom in pays for one out: a part that pays less is refused, and takes its division along.
steps = st.lists(st.tuples(st.integers(1, 20), st.integers(100, 1_000)), min_size=1, max_size=6)


@given(steps, steps, st.integers(1, 40))
@example([(2, 200)], [(5, 20)], 5)  # The second refuses what the first does not take.
def test_pools_of_steps_are_filled_from_the_best_price_down(
    one: list[tuple[int, int]], other: list[tuple[int, int]], amount_in: int
) -> None:
    pools = [
        Steps(sorted(found, key=lambda step: -step[1]), number=number)
        for number, found in enumerate((one, other))
    ]
    division = best(pools, amount_in)
    assume(division)

    assert brute_force(pools, amount_in) - amount_out(division) <= roundings(pools, division)


@given(
    st.lists(st.tuples(reserves, reserves, rates), min_size=1, max_size=6),
    st.integers(1, 2**60),
    st.integers(1, 4),
)
def test_a_division_gives_all_of_the_amount_and_the_best_is_never_worse_than_one_pool(
    drawn: list[tuple[int, int, int]], amount_in: int, most: int
) -> None:
    pools = [a_pool(x, y, rate=rate, number=at) for at, (x, y, rate) in enumerate(drawn)]
    found = list(divisions(pools, amount_in, most))
    assume(found)

    assert max(map(amount_out, found)) >= max(paid(pool, amount_in) for pool in pools)
    for division in found:
        assert sum(part.amount_in for part in division) == amount_in
        assert all(part.amount_in > 0 for part in division)
        assert all(part.offer == part.pool.offer(part.amount_in) for part in division)
        assert len({part.pool.address for part in division}) == len(division) <= most


@given(
    st.tuples(reserves, reserves, rates),
    st.tuples(reserves, reserves, rates),
    st.integers(10**6, 2**60),
    st.integers(1, 10**6),
    st.booleans(),
)
def test_moving_any_part_of_it_to_the_other_pool_gains_nothing_but_roundings(
    one: tuple[int, int, int],
    other: tuple[int, int, int],
    amount_in: int,
    millionths: int,
    turned: bool,
) -> None:
    pools = [a_pool(x, y, rate=rate, number=at) for at, (x, y, rate) in enumerate((one, other))]
    division = next((d for d in divisions(pools, amount_in, 2) if len(d) > 1), None)
    assume(division)
    assert division
    giving, taking = division[::-1] if turned else division
    moved = max(1, giving.amount_in * millionths // 10**6)
    after = paid(giving.pool, giving.amount_in - moved) + paid(
        taking.pool, taking.amount_in + moved
    )

    assert after - amount_out(division) <= roundings(pools, division)


@given(
    st.tuples(st.integers(10**8, 10**11), st.integers(900, 1_100), rates),
    st.lists(st.integers(10**6, 10**9), min_size=3, max_size=10),
    st.sampled_from([0, 40_000, 4_000_000]),
    st.integers(10**6, 2 * 10**9),
    st.integers(1, 10**6),
    st.booleans(),
)
def test_between_a_curve_and_bins_nothing_is_gained_by_moving_a_part_but_roundings(  # noqa: PLR0913, PLR0917 - of two pools
    curve: tuple[int, int, int],
    bins: list[int],
    control: int,
    amount_in: int,
    millionths: int,
    turned: bool,
) -> None:
    x, per_mille, rate = curve
    in_bins = {-number: (0, atoms) for number, atoms in enumerate(bins)}
    pools: list[Pool] = [
        a_pool(x, x * per_mille // 1_000, rate=rate),
        DlmmPool(
            venue="meteora",
            standing=standing(in_bins, bin_step=20, variable_fee_control=control),
            side=0,
            clock=ChainClock(slot=450_000_000, unix_time=1_763_000_000),
        ),
    ]
    division = next((d for d in divisions(pools, amount_in, 2) if len(d) > 1), None)
    assume(division)
    assert division
    giving, taking = division[::-1] if turned else division
    moved = max(1, giving.amount_in * millionths // 10**6)
    kept = paid(giving.pool, giving.amount_in - moved)
    after = kept + paid(taking.pool, taking.amount_in + moved)

    # A bin loses up to an atom in, and one out, where a swap leaves it.
    assert after - amount_out(division) <= roundings(pools, division) + 2 * len(bins)


def closed_form(pools: Sequence[tuple[int, int, int]], amount_in: int) -> list[int]:
    """Return the optimum for constant products, all of which take a part.

    ``a_i = (sqrt(g_i x_i y_i) s - x_i) / g_i``, and
    ``s = (a + sum x_i/g_i) / sum sqrt(x_i y_i/g_i)``
    """
    with localcontext(prec=60):
        kept = [1 - Decimal(rate) / 10**6 for _, _, rate in pools]
        above = [x / g for (x, _, _), g in zip(pools, kept, strict=True)]
        below = [(x * y / g).sqrt() for (x, y, _), g in zip(pools, kept, strict=True)]
        s = sum(above, Decimal(amount_in)) / sum(below, Decimal(0))
        return [
            round(((g * x * y).sqrt() * s - x) / g)
            for (x, y, _), g in zip(pools, kept, strict=True)
        ]


def test_large_amounts_are_divided_as_the_closed_form_says() -> None:
    reserved = [
        (333_333 * SOLS, 50_000_000 * USDC, 2_500),
        (133_333 * SOLS, 20_000_000 * USDC, 10_000),
        (40_000 * SOLS, 6_000_000 * USDC, 100),
    ]
    pools = [a_pool(x, y, rate=rate, number=at) for at, (x, y, rate) in enumerate(reserved)]
    amounts = {part.pool.address: part.amount_in for part in best(pools, 10_000 * SOLS)}
    wanted = closed_form(reserved, 10_000 * SOLS)

    for pool, amount in zip(pools, wanted, strict=True):
        # Of 10^13: so little costs less than an atom.
        assert abs(amounts[pool.address] - amount) < 100_000


def test_of_more_pools_than_allowed_those_are_kept_that_take_most() -> None:
    pools = [a_pool(n * 10**12, n * 10**12, number=n) for n in range(1, 6)]
    found = list(divisions(pools, 10**11, 3))

    assert sorted(len(division) for division in found) == [1, 2, 3]
    assert {part.pool for part in max(found, key=len)} == set(pools[2:])


def test_what_no_pool_takes_alone_may_be_taken_by_two() -> None:
    pools = [Steps([(10, 100)], number=1), Steps([(10, 90)], number=2)]

    assert [len(division) for division in divisions(pools, 15, 3)] == [2]
    assert not list(divisions(pools, 21, 3))


def test_a_pool_that_is_switched_off_has_no_part() -> None:
    pools = [a_pool(10**12, 10**12, number=n, status=4 * (n == 3)) for n in range(1, 4)]

    assert all(pools[2] not in [part.pool for part in d] for d in divisions(pools, 10**11, 3))


@given(st.lists(st.integers(1, 2**62), min_size=1, max_size=4), st.fractions(0, 1))
@example([1, 1, 1], 1)
def test_the_least_of_the_parts_is_the_least_of_the_whole_and_no_part_is_asked_for_more(
    outs: list[int], share: float
) -> None:
    steps = [Steps([(1, 100 * out)], number=at) for at, out in enumerate(outs)]
    division = [part for pool in steps for d in divisions([pool], 1, 1) for part in d]
    min_out = int(sum(outs) * share)
    bounds = least(division, min_out)

    assert sum(bounds) >= min_out
    assert all(1 <= bound <= out for bound, out in zip(bounds, outs, strict=True))
    assert sum(bounds) <= max(min_out, 1) + len(outs)


def costed(pools: Sequence[Pool], amount_in: int, fees: Sequence[int]) -> list[Costed]:
    found = sorted(divisions(pools, amount_in, 3), key=len)
    return [
        Costed(division=division, lamports=fee, fee=fee)
        for division, fee in zip(found, fees, strict=True)
    ]


TWINS = [a_pool(10**9, 10**9, number=1), a_pool(10**9, 10**9, number=2)]


@pytest.mark.parametrize(("more", "pools"), [(0, 2), (-1, 2), (1, 1)])
def test_a_split_wins_while_it_costs_less_than_it_gains(more: int, pools: int) -> None:
    alone, split = (amount_out(d) for d in sorted(divisions(TWINS, 10**8, 3), key=len))
    chosen = best_of(costed(TWINS, 10**8, [10, 10 + split - alone - 1 + more * 2]))

    assert chosen is not None
    assert len(chosen.division) == pools


@pytest.mark.parametrize(
    ("gain", "gain_bps", "pays"),
    [(0, 0, False), (1, 0, True), (99, 1, False), (100, 1, True), (-1, 0, False)],
)
def test_a_split_pays_more_by_so_many_hundredths_of_a_percent_net(
    gain: int, gain_bps: int, pays: bool
) -> None:
    alone, split = (
        Costed(division=d, lamports=0, fee=0) for d in sorted(divisions(TWINS, 10**8, 3), key=len)
    )
    net = 1_000_000
    alone = replace(alone, fee=alone.amount_out - net)
    split = replace(split, fee=split.amount_out - net - gain)

    assert pays_more(split, alone, gain_bps) is pays


def test_of_equals_the_one_over_fewer_pools_wins() -> None:
    alone, split = (amount_out(d) for d in sorted(divisions(TWINS, 10**8, 3), key=len))
    chosen = best_of(costed(TWINS, 10**8, [0, split - alone]))

    assert chosen is not None
    assert len(chosen.division) == 1


def test_the_whole_is_explained_by_its_parts() -> None:
    pools = [a_pool(10**12, 10**12, rate=0, number=1), a_pool(10**12, 10**12, rate=2_000, number=2)]
    division = best(pools, 10**11)
    offer = whole(division)

    assert offer.amount_out == amount_out(division)
    assert Decimal(0) < offer.fee_bps < Decimal(20)
    assert abs(offer.price_impact_bps - Decimal(476)) < 10


USD = Mint(MINTS[1])


def test_three_pools_fit_into_a_transaction_that_wraps_and_a_fourth_does_not() -> None:
    mints, terms = (SOL.address, USD.address), anybodys(SOL, USD, 10**11)
    pools = [a_pool(10**12, 10**12, number=n, mints=mints) for n in range(1, 5)]
    over = {len(division): division for division in divisions(pools, 10**11, 4)}

    assert [fits(over[n], terms, ()) for n in (2, 3, 4)] == [True, True, False]
    assert fits(over[4], anybodys(Mint(MINTS[0]), USD, 10**11), ())
