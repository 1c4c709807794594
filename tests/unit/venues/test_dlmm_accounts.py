"""The bytes around Meteora's pools: accounts read, the best pool found, the instruction."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import MEMO, SYSTEM, TOKEN_2022, Mint
from shared.solana.sysvars import CLOCK, ChainClock, read_clock
from shared.solana.terms import Terms
from shared.venues.meteora.accounts import BadAccount, read_array, read_pair, read_reserve
from shared.venues.meteora.bitmap import arrays_from
from shared.venues.meteora.instruction import SwapReader, swap2
from shared.venues.meteora.program import DLMM, bin_array, oracle, pools_of, reserve
from shared.venues.meteora.quote import deepest, keys_of, read_pools
from shared.venues.onchain.pools import Best, NoSwap, Pools, best_of, deepest_price
from tests.support.meteora import (
    POOL,
    Recorded,
    X,
    Y,
    array_bytes,
    held,
    minted,
    ours,
    pair_bytes,
    vectors,
)

OTHER, USER = Pubkey(bytes([8] * 32)), Pubkey(bytes([5] * 32))
DECIMALS = {X: 9, Y: 6}
SOL = Pubkey.from_string("So11111111111111111111111111111111111111112")
USDC = Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")

Read = dict[Pubkey, Account | None]


def chain(*pools: Pubkey, size: int = 10**9, **fields: int | bytes) -> Read:
    """Return the accounts of pools with two bins of Y below the price of one, and two of X."""
    read: Read = {
        X: minted(9),
        Y: minted(6),
        CLOCK: Account(1, struct.pack("<QqQQq", 450_000_000, 0, 1_000, 1_001, 1_763_000_000), USER),
    }
    bins = {0: (size, size), 1: (size, 0)}, {-1: (0, size)}
    for pool in pools:
        read[pool] = ours(pair_bytes(pool, (0, -1), **fields))
        for index, some in zip((0, -1), bins, strict=True):
            read[bin_array(pool, index)] = ours(array_bytes(index, some, pool))
        for mint in (X, Y):
            read[reserve(pool, mint)] = held(mint, pool, 2 * size)
    return read


def found(read: Read, *pools: Pubkey, mint_in: Pubkey = X) -> Pools:
    return read_pools(pools, DECIMALS, read).at("meteora", mint_in)


def paid(read: Read, *pools: Pubkey, mint_in: Pubkey = X) -> Best:
    return best_of(found(read, *pools, mint_in=mint_in), 10**6)


def amount(best: Best) -> int:
    return best.offer.amount_out


@pytest.mark.parametrize(
    "address",
    [
        "HTvjzsfX3yU6BUodCjZ5vZkUrAxMDTrBs3CJaq43ashR",  # By bin step 1.
        "5rCf1DM8LjKTw4YqhnoLcngyZYeNnQqztScTogYHAS6",  # By bin step 4.
        "BVRbyLjjfSBcoyiYFuxbgKYnWuiFaF9CSXEa5vdSZ9Hh",  # By bin step 20.
        "BGm1tav58oGcsQJehL9WXBFXF7D27vZsKefj4xJKD5Y",  # By bin step 10 and base factor 10,000.
    ],
)
def test_pools_that_everybody_trades_in_are_looked_for(address: str) -> None:
    assert Pubkey.from_string(address) in pools_of(USDC, SOL)


@pytest.mark.parametrize("name", vectors()["meta"]["pools"])
def test_recorded_pools_are_looked_for_and_have_their_accounts_at_their_addresses(
    name: str,
) -> None:
    state = next(key for key, state in vectors()["states"].items() if state["pool"] == name)
    pool, at = Recorded(state).pool, Recorded(state).standing([-1, 0])
    pair = at.pair

    assert pool in pools_of(*pair.mints)
    assert pair.reserves == tuple(reserve(pool, mint) for mint in pair.mints)
    assert pair.oracle == oracle(pool)
    assert at.arrays.keys() == {-1, 0}


def test_one_request_is_enough_for_all_pools_that_are_looked_for() -> None:
    assert len(set(pools_of(USDC, SOL))) == len(pools_of(SOL, USDC)) <= 100


NUMBERS: Mapping[str, tuple[int, int]] = {
    "base_factor": (0, 65_535),
    "filter_period": (0, 65_535),
    "decay_period": (0, 65_535),
    "reduction_factor": (0, 65_535),
    "variable_fee_control": (0, 2**32 - 1),
    "max_volatility_accumulator": (0, 2**32 - 1),
    "protocol_share": (0, 65_535),
    "base_fee_power_factor": (0, 9),
    "function_type": (0, 255),
    "collect_fee_mode": (0, 255),
    "volatility_accumulator": (0, 2**32 - 1),
    "volatility_reference": (0, 2**32 - 1),
    "index_reference": (-(2**31), 2**31 - 1),
    "last_update_timestamp": (-(2**63), 2**63 - 1),
    "pair_type": (0, 255),
    "active_id": (-(2**31), 2**31 - 1),
    "bin_step": (1, 400),
    "status": (0, 255),
    "activation_type": (0, 255),
    "protocol_fee_x": (0, 2**64 - 1),
    "protocol_fee_y": (0, 2**64 - 1),
    "activation_point": (0, 2**64 - 1),
    "token_x_flag": (0, 255),
    "token_y_flag": (0, 255),
}


@given(
    st.fixed_dictionaries({name: st.integers(*bounds) for name, bounds in NUMBERS.items()}),
    st.sets(st.integers(-512, 511)),
)
def test_every_field_of_a_pool_is_read_from_its_place(
    fields: dict[str, int], arrays: set[int]
) -> None:
    pair = read_pair(POOL, ours(pair_bytes(POOL, arrays, **fields)))
    fees, volatility = pair.fees, pair.volatility

    assert [
        *(fees.base_factor, fees.filter_period, fees.decay_period, fees.reduction_factor),
        *(fees.variable_fee_control, fees.max_volatility, fees.protocol_share, fees.power),
        *(pair.function_type, pair.collect_fee_mode, volatility.accumulator),
        *(volatility.reference, volatility.index, volatility.updated, pair.pair_type),
        *(pair.active_id, pair.bin_step, pair.status, pair.by_time, *pair.protocol_fees),
        *(pair.activation, *pair.programs),
    ] == [fields[name] for name in NUMBERS]
    assert (pair.mints, pair.reserves) == ((X, Y), (reserve(POOL, X), reserve(POOL, Y)))
    assert (pair.oracle, pair.rewards) == (oracle(POOL), False)
    assert pair.bitmap == sum(1 << (index + 512) for index in arrays)


def test_a_bin_is_read_from_its_place() -> None:
    data = array_bytes(-1, {-1: (1, 2, 3, 4, 5, 6, 7, 8, 1), -70: (9, 0)})
    array = read_array(POOL, -1, ours(data))
    last = array.bin(-1)

    assert array.liquid == {-1, -70}
    assert (last.amounts, last.orders, last.asks, last.price) == ((1, 2), (7, 5), True, 0)
    assert array.bin(-70).amounts == (9, 0)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Account(1, pair_bytes(), USER), f"belongs to {USER}"),
        (ours(pair_bytes()[:-1]), "903 bytes, and not 904"),
        (ours(bytes(904)), "another kind"),
        (ours(pair_bytes(bin_step=0)), "a bin step of 0"),
        (ours(pair_bytes(bin_step=401)), "a bin step of 401"),
        (ours(pair_bytes(base_fee_power_factor=10)), r"times 10\^10"),
    ],
)
def test_other_bytes_are_no_pool_and_the_error_names_it(account: Account, said: str) -> None:
    with pytest.raises(BadAccount, match=f"^LbPair {POOL}: .*{said}"):
        read_pair(POOL, account)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (None, "there is none"),
        (Account(1, b"", SYSTEM), "there is none"),
        (Account(1, array_bytes(1, {}), USER), f"belongs to {USER}"),
        (ours(array_bytes(1, {})[:-1]), "10135 bytes"),
        (ours(bytes(10_136)), "another kind"),
        (ours(array_bytes(2, {})), "number 2"),
        (ours(array_bytes(1, {}, OTHER)), f"number 1 of {OTHER}"),
    ],
)
def test_other_bytes_are_no_bin_array_and_the_error_names_it(
    account: Account | None, said: str
) -> None:
    with pytest.raises(BadAccount, match=f"^BinArray {bin_array(POOL, 1)}: .*{said}"):
        read_array(POOL, 1, account)


@pytest.mark.parametrize(
    "account",
    [None, held(X, USER, 1), held(Y, POOL, 1), Account(1, held(X, POOL, 1).data, TOKEN_2022)],
    ids=["none", "of somebody", "of another mint", "of another program"],
)
def test_a_reserve_is_the_pools_own_or_an_error(account: Account | None) -> None:
    with pytest.raises(BadAccount, match=f"^reserve {USER}: "):
        read_reserve(POOL, USER, account, X)


def test_the_chains_clock_is_read_from_its_place() -> None:
    assert read_clock(chain()[CLOCK]) == ChainClock(slot=450_000_000, unix_time=1_763_000_000)
    with pytest.raises(ValueError, match="clock"):
        read_clock(None)


def test_the_pool_that_pays_most_is_taken_and_of_equals_always_the_same() -> None:
    read = chain(POOL, OTHER, base_factor=20_000) | chain(POOL, base_factor=10_000)

    assert paid(read, POOL, OTHER).pool.address == POOL
    assert paid(read, OTHER, POOL).pool.address == POOL
    same = chain(POOL, OTHER)
    assert paid(same, POOL, OTHER).pool.address == paid(same, OTHER, POOL).pool.address


def test_both_ways_through_a_pool_are_told_apart() -> None:
    read = chain(POOL, active_id=1, bin_step=100)

    assert amount(paid(read, POOL)) == 989_600  # The bin of 1, a step below the active one's.
    assert (
        amount(paid(read, POOL, mint_in=Y)) == 980_198
    )  # The active one, for a hundredth less the other way.
    assert found(read, POOL, mint_in=Y).found[0].price < 1 < found(read, POOL).found[0].price


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"token_x_flag": 1}, f"^UNSUPPORTED_TOKEN: {X} belongs to Token-2022$"),
        ({"token_y_flag": 1}, f"^UNSUPPORTED_TOKEN: {Y} belongs to Token-2022$"),
        ({"pair_type": 1}, "pair type 1 is not supported$"),
        ({"pair_type": 4}, "pair type 4 is not supported$"),
        ({"function_type": 3}, "function type 3 is not supported$"),
        ({"collect_fee_mode": 2}, "fee mode 2 is not supported$"),
        ({"activation_type": 2}, "activation type 2 is not supported$"),
        ({"status": 1}, "^swaps are switched off, or have not begun$"),
        ({"pair_type": 2, "activation_point": 2**63}, "have not begun$"),
        ({"active_id": 40_000}, "than its bitmap shows$"),
    ],
)
def test_pools_that_nobody_can_be_sure_of_are_refused_by_name(
    fields: dict[str, int], said: str
) -> None:
    with pytest.raises(NoSwap, match=said):
        paid(chain(POOL, **fields), POOL)


def test_a_pool_that_nobody_can_swap_in_prices_nothing_and_takes_nothing() -> None:
    read = chain(POOL, size=10**6) | chain(OTHER, active_id=-1, status=1)
    [_, closed] = found(read, POOL, OTHER).found

    assert deepest_price(found(read, POOL, OTHER).found) == 1
    assert closed.price == 0
    assert closed.takes(1) == 0


@pytest.mark.parametrize("pair_type", [0, 2, 3])
def test_the_other_kinds_of_pools_are_traded_in(pair_type: int) -> None:
    assert amount(paid(chain(POOL, pair_type=pair_type), POOL)) > 0


def _drop_reserve(read: Read) -> None:
    read[reserve(POOL, Y)] = None


def _drop_array(read: Read) -> None:
    read[bin_array(POOL, -1)] = None


def _empty_pool(read: Read) -> None:
    read[POOL] = Account(1, b"", SYSTEM)


@pytest.mark.parametrize("spoil", [_drop_reserve, _drop_array, _empty_pool])
def test_a_pool_with_a_fault_is_passed_over(spoil: Callable[[Read], None]) -> None:
    read = chain(POOL, OTHER, size=10**9)
    spoil(read)
    pools = found(read, POOL, OTHER)

    assert [one.address for one in pools.found] == [OTHER]
    assert len(pools.faults) == 1


@pytest.mark.parametrize(
    ("mint", "said"),
    [
        (minted(6), "it has 6 decimals, and 9 are configured"),
        (None, "it is no mint of the token program"),
        (Account(1, minted(9).data, TOKEN_2022), "it is no mint of the token program"),
        (Account(1, bytes(82), minted(9).owner), "it is not initialised"),
    ],
)
def test_a_mint_that_is_not_as_it_is_known_is_never_traded(mint: Account | None, said: str) -> None:
    with pytest.raises(BadAccount, match=f"^mint {X}: {said}$"):
        found({**chain(POOL), X: mint}, POOL)


def test_the_deepest_pools_come_first_whatever_price_they_have() -> None:
    third = Pubkey(bytes([9] * 32))
    read = chain(POOL, size=10**9) | chain(OTHER, size=10**10) | chain(third, size=10, active_id=69)
    pairs = {key: read_pair(key, account) for key in (POOL, OTHER, third) if (account := read[key])}

    assert deepest(pairs, read, 2) == [OTHER, POOL]
    assert deepest(pairs, {}, 3) == sorted(pairs, key=bytes)
    pairs[OTHER] = read_pair(OTHER, ours(pair_bytes(OTHER, (0, -1), status=1)))
    assert deepest(pairs, read, 3) == [POOL, third, OTHER]


def test_a_pool_is_asked_for_with_the_bins_around_its_price() -> None:
    pair = read_pair(POOL, ours(pair_bytes(POOL, (-9, -3, -1, 0, 2, 3, 4), active_id=75)))
    keys = keys_of((X, Y), {POOL: pair})

    assert arrays_from(pair, 0, 3) == (0, -1, -3)
    assert arrays_from(pair, 1, 3) == (2, 3, 4)
    assert keys == (
        *(CLOCK, X, Y, POOL, reserve(POOL, X), reserve(POOL, Y)),
        *(bin_array(POOL, index) for index in (-3, -1, 0, 2, 3, 4)),
    )


def instruction_of(recorded: Mapping[str, Any]) -> Instruction:
    metas = [
        AccountMeta(Pubkey.from_string(one["pubkey"]), one["signer"], one["writable"])
        for one in recorded["accounts"]
    ]
    return Instruction(DLMM, bytes.fromhex(recorded["data"]), metas)


def test_the_instruction_is_that_of_the_real_program_and_reads_back() -> None:
    equal = 0
    for recorded in vectors()["instructions"]:
        case, theirs = vectors()["cases"][recorded["case"]], instruction_of(recorded)
        arrays = case["bin_arrays"]
        call = SwapReader().decode(theirs)
        if not (call.amount_in and call.min_out):
            continue  # Terms are never of nothing.
        pool = Recorded(case["state"])
        pair = pool.standing([]).pair
        mints = pair.mints if case["x_to_y"] else pair.mints[::-1]
        terms = Terms(
            wallet=call.authority,
            mint_in=Mint(mints[0]),
            mint_out=Mint(mints[1]),
            amount_in=call.amount_in,
            min_out=call.min_out,
            order_id="an-order",
            attempt=1,
            token_account_rent=1,
        )
        ours_ = swap2(terms, pool.pool, pair, arrays)

        # The recorder gave the user's associated accounts; terms name a temporary one for SOL.
        for number in (4, 5):
            theirs = _with(theirs, number, ours_.accounts[number].pubkey)
        assert ours_ == theirs
        assert (call.amount_in, call.min_out) == (case["amount_in"], case["min_out"])
        assert set(call.writable) == {
            meta.pubkey for meta in instruction_of(recorded).accounts if meta.is_writable
        }
        equal += 1

    assert equal >= 3


def _with(instruction: Instruction, number: int, key: Pubkey) -> Instruction:
    metas = instruction.accounts
    old = metas[number]
    metas[number] = AccountMeta(key, old.is_signer, old.is_writable)
    return Instruction(instruction.program_id, instruction.data, metas)


RECORDED = vectors()["instructions"][0]
SWAP = instruction_of(RECORDED)


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (Instruction(SYSTEM, SWAP.data, SWAP.accounts), "no swap2"),
        (Instruction(DLMM, b"\0" * 8 + SWAP.data[8:], SWAP.accounts), "no swap2"),
        (Instruction(DLMM, b"", SWAP.accounts), "no swap2"),
        (Instruction(DLMM, SWAP.data + b"\0", SWAP.accounts), "29 bytes"),
        (Instruction(DLMM, SWAP.data[:-1], SWAP.accounts), "27 bytes"),
        (Instruction(DLMM, SWAP.data[:24] + b"\1\0\0\0", SWAP.accounts), "1 slices"),
        (Instruction(DLMM, SWAP.data, SWAP.accounts[:16]), "16 accounts, and not 17 to 21"),
        (Instruction(DLMM, SWAP.data, [*SWAP.accounts, *SWAP.accounts[:4]]), "22 accounts"),
        *(
            (_with(SWAP, number, USER), f"{USER} as account {number}")
            for number in (1, 2, 3, 8, 9, 11, 12, 13, 14, 15)
        ),
        (_with(SWAP, 16, USER), f"{USER}, which is no bin array"),
        (_with(SWAP, 17, bin_array(USER, 0)), "which is no bin array"),
        (_with(SWAP, 0, USER), "as account 2"),
        (_with(SWAP, 6, USER), "as account 2"),
        (_with(SWAP, 11, TOKEN_2022), "as account 11"),
        (_with(SWAP, 9, MEMO), "as account 9"),
    ],
)
def test_nothing_but_an_exact_swap_is_read(forged: Instruction, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SwapReader().decode(forged)
