"""The instruction `swap2`: built, and read again for the firewall.

Accounts and data: idls/dlmm.json of the SDK. An optional account that is not given is the program.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import MEMO, TOKEN
from shared.solana.firewall.allowed import SwapCall
from shared.solana.terms import Terms
from shared.venues.meteora.accounts import LbPair
from shared.venues.meteora.program import (
    DLMM,
    EVENT_AUTHORITY,
    bin_array,
    bin_arrays,
    oracle,
    reserve,
)

# The name (of sha256 of global:swap2), both amounts, and no slices of further accounts.
_DATA: Final = struct.Struct("<8s Q Q I")
_NAME: Final = bytes.fromhex("414b3f4ceb5b5b88")
_WRITABLE: Final = frozenset({0, 2, 3, 4, 5, 8})
_USER: Final = 10
_FIXED: Final = {
    **dict.fromkeys((1, 9, 15), DLMM),
    **dict.fromkeys((11, 12), TOKEN),
    13: MEMO,
    14: EVENT_AUTHORITY,
}
_ACCOUNTS: Final = 16  # The bin arrays come behind them.
_MOST_ARRAYS: Final = 5
_NO_SLICES: Final = 0


def swap2(terms: Terms, address: Pubkey, pair: LbPair, arrays: Sequence[int]) -> Instruction:
    """Return the instruction that gives `terms.amount_in` for the least or more.

    `arrays` are the bin arrays that it may go through.
    """
    keys = (
        *(address, DLMM, *pair.reserves, terms.pays, terms.receives, *pair.mints, pair.oracle),
        *(DLMM, terms.wallet, TOKEN, TOKEN, MEMO, EVENT_AUTHORITY, DLMM),
    )
    metas = [
        AccountMeta(key, is_signer=number == _USER, is_writable=number in _WRITABLE)
        for number, key in enumerate(keys)
    ]
    metas += [AccountMeta(bin_array(address, index), False, True) for index in arrays]
    data = _DATA.pack(_NAME, terms.amount_in, terms.min_out, _NO_SLICES)
    return Instruction(DLMM, data, metas)


class SwapReader:
    """Reads the instruction for the firewall.

    All accounts that the program may write, but for the wallet's, must be at addresses that follow
    from the pool's, and that nobody but the program can have made.
    """

    @property
    def programs(self) -> Collection[Pubkey]:
        """Return the program."""
        return (DLMM,)

    def decode(self, instruction: Instruction) -> SwapCall:
        """Return the instruction's promise. Raises `ValueError` for any other instruction."""
        if instruction.program_id != DLMM or instruction.data[: len(_NAME)] != _NAME:
            raise ValueError("is no swap2 of Meteora's DLMM")
        if len(instruction.data) != _DATA.size:
            raise ValueError(f"has {len(instruction.data)} bytes of data, and not {_DATA.size}")
        _, amount_in, min_out, slices = _DATA.unpack(instruction.data)
        if slices != _NO_SLICES:
            raise ValueError(f"has {slices} slices of further accounts")
        keys = [meta.pubkey for meta in instruction.accounts]
        _check(keys)
        return SwapCall(
            pays=keys[4],
            receives=keys[5],
            authority=keys[_USER],
            amount_in=amount_in,
            min_out=min_out,
            writable=[*(keys[number] for number in _WRITABLE), *keys[_ACCOUNTS:]],
        )


def _check(keys: Sequence[Pubkey]) -> None:
    """Raise `ValueError` unless each account is one that belongs there."""
    arrays = keys[_ACCOUNTS:]
    if not 0 < len(arrays) <= _MOST_ARRAYS:
        most = f"{_ACCOUNTS + 1} to {_ACCOUNTS + _MOST_ARRAYS}"
        raise ValueError(f"names {len(keys)} accounts, and not {most}")
    pool, mint_x, mint_y = keys[0], keys[6], keys[7]
    own = {2: reserve(pool, mint_x), 3: reserve(pool, mint_y), 8: oracle(pool)}
    for number, key in {**_FIXED, **own}.items():
        if keys[number] != key:
            raise ValueError(f"names {keys[number]} as account {number}, and not {key}")
    for key in arrays:
        if key not in bin_arrays(pool):
            raise ValueError(f"names {key}, which is no bin array of {pool}")
