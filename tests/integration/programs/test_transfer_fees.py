"""Mints of Token-2022 that take a fee of every transfer."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from devchain.cpmm.addresses import AUTHORITY, pool_addresses
from devchain.cpmm.layouts import Config, PoolState
from devchain.cpmm.swap import price_swap, swap_instruction
from devchain.wire import associated
from tests.support.cpmm import (
    TOKEN_2022,
    USER,
    new_chain,
    put_pool,
    refusal,
    send,
    set_time,
    tokens,
)

_AT = pool_addresses(0, Pubkey(bytes([1] * 32)), Pubkey(bytes([2] * 32)))
_CONFIG = Config(index=0, trade_fee_rate=2_500, protocol_fee_rate=120_000, fund_fee_rate=40_000)
_POOL = PoolState(decimals=(6, 6))
_RESERVES = (2**40, 2**41)
_CHAIN = new_chain()


class Fee(NamedTuple):
    """What a Token-2022 mint takes of a transfer, from an epoch on: at most so many atoms."""

    epoch: int
    most: int
    basis_points: int

    def of(self, amount: int) -> int:
        return min(self.most, -(-amount * self.basis_points // 10_000))


_fees = st.builds(
    Fee, st.just(0), st.sampled_from([0, 5, 10**6, 2**63]), st.sampled_from([0, 1, 100, 9_999])
)


def make_token_2022(
    chain: LiteSVM, fees: list[tuple[Fee, Fee]], balances: list[tuple[int, int]]
) -> None:
    """Make mints with fees (older and newer) and all accounts of the pool anew as Token-2022's."""
    for i, (mint, (older, newer)) in enumerate(zip(_AT.mints, fees, strict=True)):
        body = bytes(72) + b"".join(
            fee.epoch.to_bytes(8, "little")
            + fee.most.to_bytes(8, "little")
            + fee.basis_points.to_bytes(2, "little")
            for fee in (older, newer)
        )
        head = bytes(Mint(None, sum(balances[i]), 6, True, None)).ljust(165, b"\0")
        extension = b"\x01" + b"\x01\0" + len(body).to_bytes(2, "little") + body
        chain.set_account(mint, Account(10**9, head + extension, TOKEN_2022))
        places = (_AT.vaults[i], AUTHORITY), (associated(USER, mint), USER)
        for (key, owner), atoms in zip(places, balances[i], strict=True):
            used = TokenAccountState.Initialized
            state = TokenAccount(mint, owner, atoms, None, used, None, 0, None)
            withheld = b"\x02" + b"\x02\0\x08\0" + bytes(8)
            chain.set_account(key, Account(10**9, bytes(state) + withheld, TOKEN_2022))


@given(st.tuples(_fees, _fees, _fees, _fees), st.integers(1, 2**40), st.sampled_from([499, 501]))
@settings(max_examples=60)
def test_the_transfer_fee_of_a_mint_is_reckoned_with_on_both_sides(
    fees: tuple[Fee, Fee, Fee, Fee], amount: int, newer_from: int
) -> None:
    balances = [(_RESERVES[0], amount), (_RESERVES[1], 0)]
    put_pool(_CHAIN, _AT, _CONFIG, _POOL, balances)
    set_time(_CHAIN, 1_700_000_000, epoch=500)
    pairs = [(fees[i], fees[i + 1]._replace(epoch=newer_from)) for i in (0, 2)]
    make_token_2022(_CHAIN, pairs, balances)
    fee_in, fee_out = (newer if newer_from <= 500 else older for older, newer in pairs)
    arrives = amount - fee_in.of(amount)
    due = price_swap(_CONFIG, _POOL, _RESERVES, 0, arrives).out if arrives else 0
    received = due - fee_out.of(due)
    plain = swap_instruction(_AT, USER, 0, amount, received)
    accounts = plain.accounts
    accounts[8] = accounts[9] = AccountMeta(TOKEN_2022, is_signer=False, is_writable=False)
    result = refusal(send(_CHAIN, Instruction(plain.program_id, plain.data, accounts)))

    assert result == (None if received else 2505)
    assert tokens(_CHAIN, associated(USER, _AT.mints[1])) == received
    assert tokens(_CHAIN, _AT.vaults[0]) == _RESERVES[0] + (arrives if received else 0)
