"""The program on any pool of bins: the amounts of the formula, to the atom, whatever was before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.account import Account
from solders.pubkey import Pubkey

from devchain.dlmm.addresses import PROGRAM, array_address, pool_addresses
from devchain.dlmm.layouts import (
    Bin,
    Fees,
    Pair,
    array_bytes,
    array_of,
    bitmap_of,
    oracle_bytes,
    pair_bytes,
    shares_of,
)
from devchain.dlmm.prices import farthest_bin, price_of
from devchain.dlmm.swap import TooFewTokens, Trade, price_swap, swap_instruction
from devchain.genesis.tokens import mint_account
from devchain.wire import associated
from tests.support.cpmm import data_of, put_tokens, refusal, send, set_time, tokens
from tests.support.dlmm import USER, bins_of, new_chain

_MINTS = (Pubkey(bytes([1] * 32)), Pubkey(bytes([2] * 32)))
_CHAIN = new_chain()
_NOW = 1_763_000_000
_HELD = 2**62
_amounts = st.integers(0, 40).flatmap(lambda bits: st.integers(1, 2 ** (bits + 1) - 1))
_steps = st.sampled_from([1, 2, 10, 25, 100, 400])
_fees = st.builds(
    Fees,
    base_factor=st.sampled_from([0, 8_000, 10_000, 65_535]),
    filter_period=st.sampled_from([0, 30]),
    decay_period=st.sampled_from([60, 600]),
    reduction_factor=st.sampled_from([0, 5_000, 10_000]),
    variable_fee_control=st.sampled_from([0, 40_000, 2**32 - 1]),
    most_volatility=st.sampled_from([0, 350_000]),
    protocol_share=st.sampled_from([0, 1_000, 2_500]),
)


@st.composite
def pools(draw: st.DrawFn) -> tuple[Pair, dict[int, Bin]]:
    """Return a pool of some bins within three arrays, one of which may be empty."""
    step = draw(_steps)
    most = min(farthest_bin(step) // 12, 35_000)  # The bitmap ends at bin 35,840.
    active = draw(st.integers(-most, most))
    bins = {}
    for away in draw(st.lists(st.integers(-90, 90), min_size=1, max_size=12, unique=True)):
        held = draw(_amounts)
        holds = (held if away >= 0 else 0, held if away <= 0 else 0)
        price = price_of(active + away, step)
        bins[active + away] = Bin(holds, price, shares_of(holds, price))
    pair = Pair(
        fees=draw(_fees),
        bin_step=step,
        active_id=active,
        bitmap=bitmap_of({array_of(bin_id) for bin_id in bins}),
        volatility=draw(st.sampled_from([0, 10_000, 350_000])),
        volatility_reference=draw(st.sampled_from([0, 5_000])),
        index_reference=active + draw(st.integers(-9, 9)),
        moved_at=_NOW - draw(st.sampled_from([0, 29, 30, 60, 599, 600])),
    )
    return pair, bins


class Pool:
    """A pool on the chain, and as the formulas have it."""

    def __init__(self, pair: Pair, bins: dict[int, Bin]) -> None:
        self.pair, self.bins = pair, bins
        self.at = pool_addresses(*_MINTS, pair.bin_step, pair.fees.base_factor)
        self.indices = sorted({array_of(bin_id) for bin_id in bins})
        own = {self.at.pair: pair_bytes(pair, self.at), self.at.oracle: oracle_bytes()}
        for index in self.indices:
            own[array_address(self.at.pair, index)] = array_bytes(index, bins, self.at.pair)
        for key, data in own.items():
            _CHAIN.set_account(key, Account(10**9, data, PROGRAM))
        for number, (mint, reserve) in enumerate(zip(_MINTS, self.at.reserves, strict=True)):
            _CHAIN.set_account(mint, mint_account(None, 2**63, 6))
            held = sum(one.tokens[number] for one in bins.values())
            put_tokens(_CHAIN, reserve, mint, self.at.pair, held)
            put_tokens(_CHAIN, associated(USER, mint), mint, USER, _HELD)

    def swap(self, side: int, amount: int, least: int, now: int) -> str | int | None:
        """Swap; return the program's refusal."""
        set_time(_CHAIN, now)
        arrays = self.indices if side else self.indices[::-1]
        asked = swap_instruction(self.at, USER, side, (amount, least), arrays)
        return refusal(send(_CHAIN, asked))

    def become(self, trade: Trade) -> None:
        """Be what the formulas say that the pool is after a swap."""
        self.pair, self.bins = trade.pair, {**self.bins, **trade.bins}


@given(
    pools(),
    st.lists(st.tuples(st.integers(0, 1), _amounts, st.sampled_from([0, 1, 30, 700])), max_size=5),
)
@settings(max_examples=150)
def test_any_series_of_swaps_pays_what_the_formulas_say_and_leaves_what_they_say(
    made: tuple[Pair, dict[int, Bin]], wishes: list[tuple[int, int, int]]
) -> None:
    pool, now = Pool(*made), _NOW
    for side, amount, later in wishes:
        now += later
        try:
            due = price_swap(pool.pair, pool.bins, side, amount, now)
        except TooFewTokens:
            assert pool.swap(side, amount, 0, now) == 6036
            continue
        if not due.out:
            assert pool.swap(side, amount, 0, now) == 6039
            continue
        held = [tokens(_CHAIN, associated(USER, mint)) for mint in _MINTS]

        assert pool.swap(side, amount, due.out + 1, now) == 6003
        assert pool.swap(side, amount, due.out, now) is None
        pool.become(due)
        got = tokens(_CHAIN, associated(USER, _MINTS[1 - side])) - held[1 - side]
        paid = held[side] - tokens(_CHAIN, associated(USER, _MINTS[side]))
        assert (got, paid) == (due.out, amount)
        filled = {bin_id: one for bin_id, one in pool.bins.items() if any(one.tokens)}
        assert bins_of(_CHAIN, pool.at) == (pool.pair, filled)


@given(pools(), st.integers(0, 1), _amounts)
@settings(max_examples=60)
def test_what_was_swapped_and_swapped_back_is_never_more(
    made: tuple[Pair, dict[int, Bin]], side: int, amount: int
) -> None:
    pool = Pool(*made)
    if pool.swap(side, amount, 0, _NOW) is not None:
        return
    got = tokens(_CHAIN, associated(USER, _MINTS[1 - side])) - _HELD
    pool.swap(1 - side, got, 0, _NOW)

    assert tokens(_CHAIN, associated(USER, _MINTS[side])) <= _HELD


def one_bin() -> Pool:
    """Return a pool whose only bin is the active one."""
    fees = Fees(
        base_factor=10_000,
        filter_period=30,
        decay_period=600,
        reduction_factor=5_000,
        variable_fee_control=0,
        most_volatility=0,
        protocol_share=0,
    )
    holds, price = (10**6, 10**6), price_of(0, 10)
    pair = Pair(fees=fees, bin_step=10, active_id=0, bitmap=bitmap_of([0]))
    return Pool(pair, {0: Bin(holds, price, shares_of(holds, price))})


# Flags of the two mints' programs, and the mints of two rewards.
@pytest.mark.parametrize("at", [880, 881, 264, 408])
def test_mints_of_token_2022_and_farms_are_refused_and_nothing_changes(at: int) -> None:
    pool = one_bin()
    data = bytearray(pair_bytes(pool.pair, pool.at))
    data[at] = 1
    _CHAIN.set_account(pool.at.pair, Account(10**9, bytes(data), PROGRAM))

    assert pool.swap(0, 1_000, 0, _NOW) == 6082
    assert data_of(_CHAIN, pool.at.pair) == bytes(data)


@pytest.mark.parametrize(("count", "answer"), [(24, None), (25, 6082)])
def test_more_arrays_than_there_is_room_for_are_refused(count: int, answer: int | None) -> None:
    pool = one_bin()
    asked = swap_instruction(pool.at, USER, 0, (1_000, 0), [0] * count)

    assert refusal(send(_CHAIN, asked)) == answer
