"""The bytes around Raydium's pools: accounts read, the best pool found, the instruction."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount, TokenAccountState

from devchain.cpmm import addresses, layouts
from shared.solana.addresses import SYSTEM, TOKEN, TOKEN_2022, Mint
from shared.solana.terms import Terms
from shared.venues.onchain.pools import NoSwap, Pools, best_of, deepest_price
from shared.venues.raydium.accounts import AmmConfig, BadAccount, read_config, read_pool, read_vault
from shared.venues.raydium.curve import after, swap
from shared.venues.raydium.instruction import SwapReader, swap_base_input
from shared.venues.raydium.pool import CpmmPool
from shared.venues.raydium.program import AUTHORITY, CPMM, keys_of, pools_of
from shared.venues.raydium.quote import Side, read_pools
from tests.support.cpmm import vectors

NOW = 1_700_000_000
LOW, HIGH = Pubkey(bytes([1] * 32)), Pubkey(bytes([2] * 32))
IN, OUT = Side(LOW, 9), Side(HIGH, 6)
USER = Pubkey(bytes([5] * 32))

Read = dict[Pubkey, Account | None]


def vault(mint: Pubkey, atoms: int, owner: Pubkey = AUTHORITY, *, frozen: bool = False) -> Account:
    state = TokenAccountState.Frozen if frozen else TokenAccountState.Initialized
    return Account(1, bytes(TokenAccount(mint, owner, atoms, None, state, None, 0, None)), TOKEN)


def pool_account(index: int, state: layouts.PoolState | None = None) -> Account:
    at = addresses.pool_addresses(index, LOW, HIGH)
    found = state or layouts.PoolState(decimals=(9, 6))
    return Account(1, layouts.pool_bytes(found, at, USER), CPMM)


def chain(**pools: tuple[int, int]) -> Read:
    """Return the accounts of pools by fee tier (`c0`, `c1` ...), and what lies in their vaults."""
    read = dict.fromkeys(keys_of(LOW, HIGH), None) | Read()
    for name, (one, other) in pools.items():
        index = int(name[1:])
        at = addresses.pool_addresses(index, LOW, HIGH)
        config = layouts.Config(
            index=index, trade_fee_rate=2_500, protocol_fee_rate=0, fund_fee_rate=0
        )
        read[at.config] = Account(1, layouts.config_bytes(config, bump=255, owner=USER), CPMM)
        read[at.pool] = pool_account(index)
        read[at.vaults[0]], read[at.vaults[1]] = vault(LOW, one), vault(HIGH, other)
    return read


def found(read: Read, token_in: Side = IN, token_out: Side = OUT, now: int = NOW) -> Pools:
    keys = keys_of(token_in.mint, token_out.mint)
    return read_pools(token_in, token_out, [read[key] for key in keys]).at("raydium", now)


def of_pool(index: int) -> addresses.PoolAddresses:
    return addresses.pool_addresses(index, LOW, HIGH)


def recorded(shown: Mapping[str, Any]) -> Read:
    return {
        Pubkey.from_string(key): account
        and Account(
            account["lamports"],
            base64.b64decode(account.get("data") or ""),
            Pubkey.from_string(account["owner"]),
        )
        for key, account in shown.items()
    }


def instruction_of(complete: Mapping[str, Any]) -> Instruction:
    metas = [
        AccountMeta(Pubkey.from_string(one["pubkey"]), one["signer"], one["writable"])
        for one in complete["accounts"]
    ]
    return Instruction(CPMM, bytes.fromhex(complete["data"]), metas)


def role(complete: Mapping[str, Any], name: str) -> Pubkey:
    [key] = [one["pubkey"] for one in complete["accounts"] if one["role"] == name]
    return Pubkey.from_string(key)


def sides(complete: Mapping[str, Any]) -> tuple[Side, Side]:
    mints = [role(complete, f"{way}_token_mint") for way in ("input", "output")]
    low = min(mints, key=bytes)
    one, other = (Side(mint, 9 if mint == low else 6) for mint in mints)
    return one, other


def test_swaps_of_the_real_program_leave_the_bytes_that_we_foresee() -> None:
    foreseen = 0
    for complete in vectors()["complete"]:
        case = vectors()["cases"][complete["case"]]
        if not case["ok"] or vectors()["configs"][case["config"]]["index"] > 3:
            continue
        token_in, token_out = sides(complete)
        before = dict.fromkeys(keys_of(token_in.mint, token_out.mint), None)
        before |= recorded(complete["before"])
        later = {key: account.data for key, account in before.items() if account}
        later |= {Pubkey.from_string(k): base64.b64decode(v) for k, v in complete["after"].items()}
        at_time = case["clock"]["unix_timestamp"]
        best = best_of(found(before, token_in, token_out, at_time), case["amount_in"])
        pool = best.pool
        assert isinstance(pool, CpmmPool)
        at = after(pool.standing, swap(pool.standing, pool.side, case["amount_in"], at_time))
        pool_key = role(complete, "pool_state")

        assert pool.address == pool_key
        assert at.pool == read_pool(pool_key, Account(1, later[pool_key], CPMM))
        for key, program, mint, atoms in zip(
            at.pool.vaults, at.pool.programs, at.pool.mints, at.vaults, strict=True
        ):
            read = Account(1, later[key], program)
            assert read_vault(key, read, Mint(mint, program)) == atoms
        foreseen += 1

    assert foreseen >= 10


def test_the_instruction_is_that_of_the_real_program_and_reads_back() -> None:
    equal = 0
    for complete in vectors()["complete"]:
        theirs, key = instruction_of(complete), role(complete, "pool_state")
        call = SwapReader().decode(theirs)
        mint_in, mint_out = (role(complete, f"{way}_token_mint") for way in ("input", "output"))
        if not (call.amount_in and call.min_out):
            continue  # Terms are never of nothing.
        account = recorded(complete["before"])[key]
        assert account is not None
        pool = read_pool(key, account)
        terms = Terms(
            wallet=call.authority,
            mint_in=Mint(mint_in),
            mint_out=Mint(mint_out),
            amount_in=call.amount_in,
            min_out=call.min_out,
            order_id="an-order",
            attempt=1,
            token_account_rent=1,
        )
        ours = swap_base_input(terms, key, pool, pool.mints.index(mint_in))

        assert ours == theirs
        assert set(call.writable) == {m.pubkey for m in theirs.accounts if m.is_writable}
        assert (call.pays, call.receives) == (terms.pays, terms.receives)
        equal += 1

    assert equal >= 8


SWAP = instruction_of(vectors()["complete"][0])


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (Instruction(SYSTEM, SWAP.data, SWAP.accounts), "no swap_base_input"),
        (Instruction(CPMM, b"\0" * 8 + SWAP.data[8:], SWAP.accounts), "no swap_base_input"),
        (Instruction(CPMM, b"", SWAP.accounts), "no swap_base_input"),
        (Instruction(CPMM, SWAP.data + b"\0", SWAP.accounts), "25 bytes"),
        (Instruction(CPMM, SWAP.data[:-1], SWAP.accounts), "23 bytes"),
        (Instruction(CPMM, SWAP.data, SWAP.accounts[:-1]), "12 accounts"),
        (Instruction(CPMM, SWAP.data, [*SWAP.accounts, SWAP.accounts[0]]), "14 accounts"),
        (Instruction(CPMM, SWAP.data, SWAP.accounts[:1] * 2 + SWAP.accounts[2:]), "authority"),
    ],
)
def test_nothing_but_an_exact_swap_is_read(forged: Instruction, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SwapReader().decode(forged)


def test_pools_lie_where_the_development_chain_makes_them() -> None:
    for index, ours in enumerate(pools_of(HIGH, LOW)):
        at = of_pool(index)

        assert ours.keys == (at.config, at.pool, *at.vaults)


def test_mints_go_by_their_bytes_and_not_by_their_text() -> None:
    low, high = Pubkey(bytes([5] * 32)), Pubkey(bytes([64] * 32))

    assert str(low) > str(high)
    assert pools_of(high, low)[0].mints == (low, high)


fees = st.integers(0, 2**64 - 1)
pairs = st.tuples(fees, fees)
states = st.builds(
    layouts.PoolState,
    decimals=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    status=st.integers(0, 255),
    open_time=fees,
    protocol_fees=pairs,
    fund_fees=pairs,
    creator_fees=pairs,
    creator_fee_on=st.integers(0, 255),
    creator_fee_enabled=st.booleans(),
)


STATED = (
    *("decimals", "status", "open_time", "protocol_fees", "fund_fees", "creator_fees"),
    *("creator_fee_on", "creator_fee_enabled"),
)


@given(states)
def test_every_field_of_a_pool_is_read_from_its_place(state: layouts.PoolState) -> None:
    at = of_pool(0)
    pool = read_pool(at.pool, pool_account(0, state))

    for name in STATED:
        assert getattr(pool, name) == getattr(state, name)
    assert (pool.config, pool.mints, pool.vaults) == (at.config, at.mints, at.vaults)
    assert (pool.programs, pool.observation) == ((TOKEN, TOKEN), at.observation)


@given(fees, fees, fees, fees)
def test_every_rate_of_a_fee_tier_is_read_from_its_place(
    trade: int, protocol: int, fund: int, creator: int
) -> None:
    tier = layouts.Config(
        index=3,
        trade_fee_rate=trade,
        protocol_fee_rate=protocol,
        fund_fee_rate=fund,
        creator_fee_rate=creator,
    )
    data = layouts.config_bytes(tier, bump=255, owner=USER)

    assert read_config(USER, Account(1, data, CPMM)) == AmmConfig(
        trade_fee_rate=trade,
        protocol_fee_rate=protocol,
        fund_fee_rate=fund,
        creator_fee_rate=creator,
    )


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Account(1, pool_account(0).data, USER), f"belongs to {USER}"),
        (Account(1, pool_account(0).data[:-1], CPMM), "636 bytes, and not 637"),
        (Account(1, pool_account(0).data + b"\0", CPMM), "638 bytes, and not 637"),
        (Account(1, bytes(637), CPMM), "another kind"),
    ],
)
def test_other_bytes_are_an_error_that_names_the_account(account: Account, said: str) -> None:
    key = of_pool(0).pool

    with pytest.raises(BadAccount, match=f"^PoolState {key}: .*{said}"):
        read_pool(key, account)


def test_a_fee_tier_is_no_pool() -> None:
    with pytest.raises(BadAccount, match=f"^AmmConfig {USER}: "):
        read_config(USER, pool_account(0))


@pytest.mark.parametrize(
    "account",
    [None, vault(LOW, 1, USER), vault(HIGH, 1), vault(LOW, 1, frozen=True), Account(1, b"", TOKEN)],
    ids=["none", "of somebody", "of another mint", "frozen", "no token account"],
)
def test_a_vault_is_the_programs_own_or_an_error(account: Account | None) -> None:
    with pytest.raises(BadAccount, match=f"^vault {USER}: "):
        read_vault(USER, account, Mint(LOW))


def test_the_pool_that_pays_most_is_taken() -> None:
    read = chain(c0=(2 * 10**9, 10**9), c2=(10**12, 10**12), c3=(10**12, 9 * 10**11))
    pools = found(read)

    assert len(pools.found) == 3
    assert best_of(pools, 10**6).pool.address == of_pool(2).pool
    assert deepest_price(found(read, OUT, IN).found) == 1


@pytest.mark.parametrize(
    "state",
    [
        layouts.PoolState(decimals=(9, 6), status=4),
        layouts.PoolState(decimals=(9, 6), open_time=NOW + 1),
    ],
    ids=["switched off", "not open yet"],
)
def test_a_pool_that_nobody_can_swap_in_prices_nothing(state: layouts.PoolState) -> None:
    read = chain(c0=(10**9, 10**9), c1=(10**12, 10**14))
    read[of_pool(1).pool] = pool_account(1, state)

    assert deepest_price(found(read).found) == 1


def test_an_empty_pool_prices_nothing() -> None:
    assert deepest_price(found(chain(c0=(10**9, 10**9), c1=(10**12, 0))).found) == 1
    assert deepest_price(found(chain(c1=(10**12, 0))).found) == 0


def test_of_equal_pools_it_is_always_the_same_one() -> None:
    pools = found(chain(c0=(10**9, 10**9), c1=(10**9, 10**9), c3=(10**9, 10**9)))
    turned = Pools(found=pools.found[::-1], faults=())

    assert best_of(pools, 10**6) == best_of(turned, 10**6)


def test_both_ways_through_a_pool_are_told_apart() -> None:
    read = chain(c0=(10**12, 4 * 10**12))

    assert best_of(found(read), 10**6).offer.amount_out > 3_900_000
    assert best_of(found(read, OUT, IN), 10**6).offer.amount_out < 250_000
    assert deepest_price(found(read).found) == Fraction(4)


def test_lamports_at_the_address_of_a_pool_make_no_pool() -> None:
    read = chain(c0=(10**9, 10**9))
    at = of_pool(1)
    read[at.pool] = read[at.config] = Account(890_880, b"", SYSTEM)
    pools = found(read)

    assert [one.address for one in pools.found] == [of_pool(0).pool]
    assert not pools.faults


def test_a_pool_with_a_fault_is_passed_over() -> None:
    read = chain(c0=(10**9, 10**9), c1=(10**12, 10**12))
    read[of_pool(1).vaults[0]] = vault(LOW, 10**12, frozen=True)

    assert best_of(found(read), 10**6).pool.address == of_pool(0).pool


def test_no_pool_at_all_is_said() -> None:
    with pytest.raises(NoSwap, match=r"^has no pool of this pair$"):
        best_of(found(chain()), 10**6)
    assert deepest_price(found(chain()).found) == 0


def test_other_decimals_than_configured_are_never_traded() -> None:
    pools = found(chain(c0=(10**9, 10**9)), Side(LOW, 6), OUT)

    with pytest.raises(NoSwap, match=f"^mint {LOW}: it has 9 decimals, and 6 are configured$"):
        best_of(pools, 10**6)


def test_a_pool_that_names_other_vaults_is_never_traded() -> None:
    read = chain(c0=(10**9, 10**9))
    read[of_pool(0).pool] = pool_account(1)

    with pytest.raises(NoSwap, match="names other accounts than its own"):
        best_of(found(read), 10**6)


@pytest.mark.parametrize("field", [0, 2, 3, 5, 6], ids=["tier", *["vault"] * 2, *["mint"] * 2])
def test_a_pool_that_names_one_other_account_is_never_traded(field: int) -> None:
    read = chain(c0=(10**9, 10**9))
    data = bytearray(pool_account(0).data)
    data[8 + 32 * field : 8 + 32 * (field + 1)] = bytes(USER)
    read[of_pool(0).pool] = Account(1, bytes(data), CPMM)

    with pytest.raises(NoSwap, match="names other accounts than its own"):
        best_of(found(read), 10**6)


def test_a_mint_that_may_take_fees_is_unsupported() -> None:
    read = chain(c0=(10**9, 10**9))
    at = of_pool(0)
    data = bytearray(pool_account(0).data)
    data[8 + 7 * 32 : 8 + 8 * 32] = bytes(TOKEN_2022)
    vault_of_2022 = vault(LOW, 10**9)
    read[at.pool] = Account(1, bytes(data), CPMM)
    read[at.vaults[0]] = Account(1, vault_of_2022.data, TOKEN_2022)

    with pytest.raises(NoSwap, match=f"^UNSUPPORTED_TOKEN: {LOW} "):
        best_of(found(read), 10**6)
