"""The program on any pool: the amounts of the formula, to the atom, and x * y never falls."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from devchain.cpmm.addresses import pool_addresses
from devchain.cpmm.layouts import Config, PoolState, read_pool
from devchain.cpmm.swap import price_swap, swap_instruction
from devchain.wire import associated
from tests.support.cpmm import (
    USER,
    data_of,
    new_chain,
    put_pool,
    refusal,
    send,
    set_time,
    tokens,
)

_AT = pool_addresses(0, Pubkey(bytes([1] * 32)), Pubkey(bytes([2] * 32)))
_CHAIN = new_chain()
_MOST = 2**64 - 1
_amounts = st.integers(0, 63).flatmap(lambda bits: st.integers(1, 2 ** (bits + 1) - 1))
_owed = st.tuples(st.integers(0, 2**40), st.integers(0, 2**40))
_shares = st.sampled_from([0, 40_000, 120_000, 960_000])
_configs = st.builds(
    Config,
    index=st.just(0),
    trade_fee_rate=st.sampled_from([0, 100, 2_500, 10_000, 500_000, 999_999, 1_000_001]),
    protocol_fee_rate=_shares,
    fund_fee_rate=_shares.filter(lambda rate: rate < 100_000),
    creator_fee_rate=st.sampled_from([0, 1, 500, 10_000]),
)
_pools = st.builds(
    PoolState,
    decimals=st.just((9, 6)),
    protocol_fees=_owed,
    fund_fees=_owed,
    creator_fees=_owed,
    creator_fee_on=st.sampled_from([0, 1, 2]),
    creator_fee_enabled=st.booleans(),
)


def put(config: Config, pool: PoolState, vaults: list[int], held: list[int]) -> None:
    put_pool(_CHAIN, _AT, config, pool, zip(vaults, held, strict=True))
    set_time(_CHAIN, 1_700_000_000)


def now() -> tuple[PoolState, list[int], list[int]]:
    """Return the pool, its reserves, and what the user holds."""
    pool = read_pool(data_of(_CHAIN, _AT.pool))
    reserves = [tokens(_CHAIN, vault) - pool.owed(i) for i, vault in enumerate(_AT.vaults)]
    return pool, reserves, [tokens(_CHAIN, associated(USER, mint)) for mint in _AT.mints]


def swap(side: int, amount_in: int, minimum: int = 0) -> str | int | None:
    return refusal(send(_CHAIN, swap_instruction(_AT, USER, side, amount_in, minimum)))


def plus(pair: tuple[int, int], side: int, more: int) -> tuple[int, int]:
    return (pair[0] + more, pair[1]) if side == 0 else (pair[0], pair[1] + more)


_PLAIN = Config(index=0, trade_fee_rate=2_500, protocol_fee_rate=120_000, fund_fee_rate=40_000)
_NEW = PoolState(decimals=(9, 6))


# The widest products and sums that tokens can come to, and a pool of single atoms.
@example(_PLAIN, _NEW, (2**63, 2**63), 0, 2**63 - 1)
@example(_PLAIN, _NEW, (2**63 - 1, 2**64 - 2), 0, 2**63)
@example(_PLAIN, _NEW, (1, _MOST - 1), 0, _MOST - 1)
@example(_PLAIN, _NEW, (_MOST - 1, 1), 1, _MOST - 1)
@example(replace(_PLAIN, trade_fee_rate=0), _NEW, (2**32, 2**32), 1, 2**32)
@example(_PLAIN, _NEW, (1, 1), 0, 1)
@given(_configs, _pools, st.tuples(_amounts, _amounts), st.integers(0, 1), _amounts)
@settings(max_examples=300)
def test_any_swap_pays_what_the_formula_says_and_k_never_falls(
    config: Config, pool: PoolState, reserves: tuple[int, int], side: int, amount: int
) -> None:
    # A mint has at most 2**64 - 1 atoms: those of the pool, and the user's.
    vaults = [min(reserve + pool.owed(i), _MOST - 1) for i, reserve in enumerate(reserves)]
    x, y = (vault - pool.owed(i) for i, vault in enumerate(vaults))
    amount = min(amount, _MOST - vaults[side])
    held = [amount, 0] if side == 0 else [0, amount]
    put(config, pool, vaults, held)
    try:
        due = price_swap(config, pool, (x, y), side, amount)
    except ValueError:
        assert swap(side, amount) == 6006
        return
    if due.out <= 0:
        assert swap(side, amount) == 2505
        return

    assert swap(side, amount, due.out + 1) == 6005
    assert swap(side, amount, due.out) is None
    after, left, holds = now()
    creator_side = side if due.creator_on_input else 1 - side
    assert holds[1 - side] == due.out
    assert holds[side] == 0
    assert after == replace(
        pool,
        protocol_fees=plus(pool.protocol_fees, side, due.protocol_fee),
        fund_fees=plus(pool.fund_fees, side, due.fund_fee),
        creator_fees=plus(pool.creator_fees, creator_side, due.creator_fee),
        recent_epoch=500,
    )
    assert left[0] * left[1] >= x * y


@given(st.lists(st.tuples(st.integers(0, 1), _amounts), max_size=12))
@settings(max_examples=30)
def test_no_series_of_swaps_takes_value_out_of_a_pool(wishes: list[tuple[int, int]]) -> None:
    put(_PLAIN, _NEW, [2**40, 2**44], [2**62, 2**62])
    products = [2**84]
    for side, amount in wishes:
        swap(side, min(amount, now()[2][side]))
        products.append(now()[1][0] * now()[1][1])

    assert all(before <= after for before, after in pairwise(products))
    assert (
        sum(tokens(_CHAIN, vault) for vault in _AT.vaults) + sum(now()[2]) == 2**63 + 2**40 + 2**44
    )


def test_a_creator_fee_of_a_kind_that_does_not_exist_is_refused() -> None:
    put(_PLAIN, replace(_NEW, creator_fee_on=3), [10**9, 10**9], [10**6, 0])

    assert swap(0, 10**6) == 6013


def test_more_than_the_user_has_is_refused_and_nothing_changes() -> None:
    put(_PLAIN, _NEW, [10**9, 10**9], [10**6, 0])
    before = now()

    assert swap(0, 10**6 + 1) == 1  # The token program's InsufficientFunds.
    assert now() == before


def test_a_share_of_the_fee_beyond_64_bits_ends_the_swap() -> None:
    put(replace(_PLAIN, protocol_fee_rate=_MOST), _NEW, [2**40, 2**40], [2**40, 0])

    assert swap(0, 2**40) == "ProgramFailedToComplete"
