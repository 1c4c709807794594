"""The maker moves every pool to the price that the scenario says, by swaps that land."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.litesvm import LiteSVM

from devchain.cpmm.layouts import Config, PoolState
from devchain.cpmm.swap import swap_instruction
from devchain.dlmm.layouts import Bin, Pair
from devchain.dlmm.prices import ONE, price_of
from devchain.dlmm.swap import price_swap as price_dlmm_swap
from devchain.dlmm.swap import swap_instruction as dlmm_swap_instruction
from devchain.genesis import accounts
from devchain.genesis.keys import MAKER
from devchain.genesis.plan import DlmmPlan, read_market
from devchain.market.bin_moves import MOST_BINS, is_near, move_toward
from devchain.market.maker import FIRST_SLOT, Maker
from devchain.market.moves import Move, move_to, reserves_after
from devchain.market.prices import Prices
from devchain.market.scenario import Scenario, ScenarioError, read_scenario
from tests.support.cpmm import chain_of, pool_of, refusal, send, set_time
from tests.support.dlmm import bins_of

_MARKET = read_market()
_BUILT_IN = ["bogus", "flat", "frozen", "gap", "trend", "walk"]
_SOL_USDC = 0
_POOL = PoolState(decimals=(9, 6))
_NOW = 1_700_000_000


def run(chain: LiteSVM, maker: Maker, slot: int, blocks: int = 6) -> int:
    """Let blocks pass in which prices stand still; return how many swaps there were."""
    count = 0
    for _ in range(blocks):
        set_time(chain, _NOW)
        for instruction in maker.transactions(slot, _NOW, chain.get_account):
            count += 1
            assert refusal(send(chain, instruction, payer=MAKER.pubkey())) is None
    return count


def price(chain: LiteSVM, number: int) -> Fraction:
    _, reserves = pool_of(chain, _MARKET.addresses(_MARKET.pools[number]))
    return Fraction(reserves[1], reserves[0])


@pytest.mark.parametrize("name", [name for name in _BUILT_IN if name != "frozen"])
def test_all_pools_come_to_the_scenarios_prices_whatever_they_are(name: str) -> None:
    chain, scenario = chain_of(accounts()), read_scenario(name)
    maker, prices = Maker(scenario, seed=7), Prices(_MARKET, scenario, seed=7)
    for later in (0, 75, 700, 3_000, 3_450 + 150, 100_000):
        run(chain, maker, FIRST_SLOT + later, blocks=24)

        for number in range(len(_MARKET.pools)):
            due = prices.pool(number, later)
            assert abs(price(chain, number) / due - 1) <= Fraction(2, 10_000)
        for number, plan in enumerate(_MARKET.dlmm, len(_MARKET.pools)):
            assert is_there(chain, plan, prices.pool(number, later))
        assert maker.transactions(FIRST_SLOT + later, _NOW, chain.get_account) == []


def is_there(chain: LiteSVM, plan: DlmmPlan, due: Fraction) -> bool:
    """Return whether a pool is a bin from its price at most, or at the end of its tokens."""
    pair, bins = bins_of(chain, _MARKET.dlmm_addresses(plan))
    below, above = (price_of(pair.active_id + away, plan.bin_step) for away in (-1, 1))
    if below <= due * ONE <= above:
        return True
    return pair.active_id == (min(bins) if below > due * ONE else max(bins))


def test_what_an_order_moved_in_a_pool_of_bins_is_moved_back() -> None:
    chain, maker = chain_of(accounts()), Maker(read_scenario("flat"), seed=1)
    plan = _MARKET.dlmm[0]
    at = _MARKET.dlmm_addresses(plan)
    before, bins = bins_of(chain, at)
    amounts = (sum(one.tokens[0] for one in bins.values()) // 10, 0)
    order = dlmm_swap_instruction(at, MAKER.pubkey(), 0, amounts, before.arrays_ahead(0))
    set_time(chain, _NOW)
    send(chain, order, payer=MAKER.pubkey())
    moved = bins_of(chain, at)[0].active_id

    assert moved < before.active_id - 5
    assert run(chain, maker, FIRST_SLOT) == 1
    assert abs(bins_of(chain, at)[0].active_id - before.active_id) <= 1


@given(
    st.integers(-60, 60),
    st.integers(-80, 80),
    st.sampled_from([2**40, 10**7]),
    st.lists(st.integers(-70, 70), max_size=40),
)
@settings(max_examples=100)
def test_a_move_ends_in_the_bin_of_the_price_or_as_near_as_bins_and_purse_go(
    active: int, goal: int, purse: int, gaps: list[int]
) -> None:
    bins = {
        b: Bin((10**6 if b >= active else 0, 10**6 if b <= active else 0), price_of(b, 10))
        for b in range(-70, 70)
        if b not in gaps
    }
    pair = Pair(fees=_MARKET.dlmm[0].fees(), bin_step=10, active_id=active, bitmap=0)
    price = Fraction(price_of(goal, 10), ONE)
    move = move_toward(pair, bins, price, (purse, purse), _NOW)
    toward = 1 if goal > active else -1
    paying = [b for b in bins if (b - active) * toward >= 0 and (goal - b) * toward >= 0]
    reach = sorted(paying, key=lambda b: b * toward)[:MOST_BINS]
    if move is None:
        assert is_near(pair, price) or not reach or reach[-1] == active
        return
    after = price_dlmm_swap(pair, bins, move.side, move.amount_in, _NOW).pair.active_id

    assert move.amount_in <= purse
    assert after == reach[-1] or move.amount_in == purse
    assert active * toward < after * toward <= goal * toward or move.amount_in == purse


def test_what_an_order_moved_is_moved_back() -> None:
    chain, maker = chain_of(accounts()), Maker(read_scenario("flat"), seed=1)
    before = price(chain, _SOL_USDC)
    at = _MARKET.addresses(_MARKET.pools[_SOL_USDC])
    send(chain, swap_instruction(at, MAKER.pubkey(), 0, pool_of(chain, at)[1][0] // 10, 0))
    moved = price(chain, _SOL_USDC)

    assert run(chain, maker, FIRST_SLOT) == 1
    assert moved < before * Fraction(9, 10)
    assert abs(price(chain, _SOL_USDC) / before - 1) <= Fraction(2, 10_000)


def test_in_a_frozen_market_nobody_moves_anything_back() -> None:
    chain, maker = chain_of(accounts()), Maker(read_scenario("frozen"), seed=1)
    at = _MARKET.addresses(_MARKET.pools[_SOL_USDC])
    send(chain, swap_instruction(at, MAKER.pubkey(), 0, pool_of(chain, at)[1][0] // 10, 0))

    assert run(chain, maker, FIRST_SLOT + 1_000) == 0


def test_a_block_has_eight_swaps_at_most_and_every_pool_has_its_turn() -> None:
    scenario = Scenario(gap_bps=50_000, gap_slots=8)
    chain, maker = chain_of(accounts()), Maker(scenario, seed=1)
    asked = [maker.transactions(FIRST_SLOT + t, _NOW, chain.get_account) for t in (8, 9, 10, 11)]
    dollars = {"USDC", "USDT"}
    moving = [pool for pool in _MARKET.pools if len(dollars & {*pool.pair}) == 1]
    moving_bins = [pool for pool in _MARKET.dlmm if len(dollars & {*pool.pair}) == 1]

    assert [len(block) for block in asked] == [8, 8, 8, 8]
    # A pool of Raydium's is the fourth account of a swap, one of Meteora's the first.
    asked_of = {meta.pubkey for block in asked for swap in block for meta in swap.accounts[:4]}
    assert asked_of >= {_MARKET.addresses(pool).pool for pool in moving}
    assert asked_of >= {_MARKET.dlmm_addresses(pool).pair for pool in moving_bins}


def test_a_chain_that_was_born_otherwise_is_told_so() -> None:
    maker = Maker(read_scenario("walk"), seed=1)

    with pytest.raises(LookupError, match="did not begin with the maker's market"):
        maker.transactions(FIRST_SLOT, _NOW, chain_of({}).get_account)


@given(
    st.tuples(st.integers(10**6, 2**50), st.integers(10**6, 2**50)),
    st.fractions(Fraction(1, 12), Fraction(12), max_denominator=10**6),
    st.sampled_from([0, 100, 2_500, 10_000, 100_000]),
    st.sampled_from([2**40, 2**63]),
)
@settings(max_examples=200)
def test_a_move_ends_at_the_price_and_one_atom_more_would_go_past_it(
    reserves: tuple[int, int], factor: Fraction, rate: int, purse: int
) -> None:
    config = Config(index=0, trade_fee_rate=rate, protocol_fee_rate=120_000, fund_fee_rate=40_000)
    goal = Fraction(reserves[1], reserves[0]) * factor
    move = move_to(config, _POOL, reserves, goal, (purse, purse))
    if move is None:
        return
    after = reserves_after(config, _POOL, reserves, move)
    more = reserves_after(config, _POOL, reserves, Move(move.side, move.amount_in + 1))

    def past(left: tuple[int, int]) -> bool:
        return left[1] < goal * left[0] if move.side == 0 else left[1] > goal * left[0]

    assert move.amount_in <= purse
    assert not past(after)
    assert past(more) or move.amount_in == purse


def test_a_pool_at_its_price_is_not_moved() -> None:
    config = Config(index=0, trade_fee_rate=0, protocol_fee_rate=0, fund_fee_rate=0)

    assert move_to(config, _POOL, (10**9, 10**9), Fraction(1), (10**9, 10**9)) is None


def test_prices_are_the_same_for_a_seed_begin_at_the_first_and_stay_within_bounds() -> None:
    walk = read_scenario("walk")
    one, again, other = (Prices(_MARKET, walk, seed) for seed in (1, 1, 2))
    sol, first = _MARKET.tokens[0], Fraction(_MARKET.tokens[0].usd)
    times = range(0, 20_000, 37)
    walked = [one.usd(sol, t) for t in times]

    assert walked == [again.usd(sol, t) for t in times]
    assert walked != [other.usd(sol, t) for t in times]
    assert walked[0] == first
    assert max(abs(p / first - 1) for p in walked) <= Fraction(300, 10_000)
    assert len(set(walked)) > len(walked) / 2


def test_prices_rise_and_fall_evenly_jump_at_once_and_dollars_stand_still() -> None:
    sol, usdc = _MARKET.tokens[:2]
    trend = Prices(_MARKET, Scenario(trend_bps=2_000, trend_slots=100), 0)
    gap = Prices(_MARKET, Scenario(gap_bps=-1_500, gap_slots=10), 0)

    assert [trend.usd(sol, t) for t in (0, 50, 100, 150, 200)] == [150, 165, 180, 165, 150]
    assert [gap.usd(sol, t) for t in (9, 10, 19, 20)] == [
        150,
        Fraction(255, 2),
        Fraction(255, 2),
        150,
    ]
    assert {trend.usd(usdc, t) for t in range(200)} == {1}


def test_one_pool_at_a_time_is_ten_times_too_dear_then_too_cheap() -> None:
    count = len(_MARKET.all_pools)
    bogus = Prices(_MARKET, Scenario(bogus_factor=10, bogus_slots=1), 0)
    right = bogus.pool(0, 1)

    assert [bogus.pool(0, t) / right for t in range(count)] == [10, *[1] * (count - 1)]
    assert bogus.pool(0, count) == right / 10


@pytest.mark.parametrize("name", _BUILT_IN)
def test_a_scenario_is_found_by_its_name(name: str) -> None:
    assert read_scenario(name).trades == (name != "frozen")


def test_a_file_of_the_same_shape_is_a_scenario(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("wander_bps = 40")

    assert read_scenario(str(file)) == Scenario(wander_bps=40)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "none of bogus, flat, frozen, gap, trend, walk"),
        ("wander_bps = -1", ">= 0"),
        ("jumps = 3", "unknown field `jumps`"),
        ("wander_bps", "MARKET="),
    ],
)
def test_a_name_or_file_that_is_none_is_refused_with_what_there_is(
    tmp_path: Path, text: str | None, complaint: str
) -> None:
    file = tmp_path / "odd.toml"
    if text:
        file.write_text(text)

    with pytest.raises(ScenarioError, match=complaint):
        read_scenario(str(file))
