"""The instruction `swap_base_input`: built, and read again for the firewall.

Accounts and data: instructions/swap_base_input.rs of the program.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from shared.solana.firewall.allowed import SwapCall
from shared.solana.terms import Terms
from shared.venues.raydium.accounts import Pool
from shared.venues.raydium.program import AUTHORITY, CPMM

_DATA: Final = struct.Struct("<8s Q Q")
_NAME: Final = bytes.fromhex("8fbe5adac41e33de")  # Of sha256 of global:swap_base_input.
_WRITABLE: Final = frozenset({3, 4, 5, 6, 7, 12})
_ACCOUNTS: Final = 13


def swap_base_input(terms: Terms, address: Pubkey, pool: Pool, side: int) -> Instruction:
    """Return the instruction that gives `terms.amount_in` of token `side` for the least or more."""
    keys = (
        *(terms.wallet, AUTHORITY, pool.config, address, terms.pays, terms.receives),
        *(pool.vaults[side], pool.vaults[1 - side]),
        *(pool.programs[side], pool.programs[1 - side]),
        *(pool.mints[side], pool.mints[1 - side], pool.observation),
    )
    metas = [
        AccountMeta(key, is_signer=number == 0, is_writable=number in _WRITABLE)
        for number, key in enumerate(keys)
    ]
    return Instruction(CPMM, _DATA.pack(_NAME, terms.amount_in, terms.min_out), metas)


class SwapReader:
    """Reads the instruction for the firewall."""

    @property
    def programs(self) -> Collection[Pubkey]:
        """Return the program."""
        return (CPMM,)

    def decode(self, instruction: Instruction) -> SwapCall:
        """Return the instruction's promise. Raises `ValueError` for any other instruction."""
        if instruction.program_id != CPMM or instruction.data[: len(_NAME)] != _NAME:
            raise ValueError("is no swap_base_input of Raydium's CPMM")
        if len(instruction.data) != _DATA.size:
            raise ValueError(f"has {len(instruction.data)} bytes of data, and not {_DATA.size}")
        keys = [meta.pubkey for meta in instruction.accounts]
        if len(keys) != _ACCOUNTS:
            raise ValueError(f"names {len(keys)} accounts, and not {_ACCOUNTS}")
        if keys[1] != AUTHORITY:
            raise ValueError(f"names {keys[1]} as the program's authority")
        _, amount_in, min_out = _DATA.unpack(instruction.data)
        return SwapCall(
            pays=keys[4],
            receives=keys[5],
            authority=keys[0],
            amount_in=amount_in,
            min_out=min_out,
            writable=[keys[number] for number in _WRITABLE],
        )
