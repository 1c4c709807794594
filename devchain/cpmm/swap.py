"""A swap: the instruction that asks for it, and what it pays, to the atom.

Formulas: Raydium's cp-swap, `curve/fees.rs` and `curve/constant_product.rs`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from devchain.cpmm.addresses import AUTHORITY, PROGRAM, PoolAddresses
from devchain.cpmm.layouts import Config, PoolState
from devchain.wire import associated, discriminator

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Trade:
    """The amounts of a swap in atoms: `out` is paid; fees are owed from then on."""

    out: int
    trade_fee: int
    protocol_fee: int
    fund_fee: int
    creator_fee: int
    creator_on_input: bool


def price_swap(
    config: Config, pool: PoolState, reserves: tuple[int, int], side: int, amount_in: int
) -> Trade:
    """Return what a pool pays for an amount of token `side` (0 or 1).

    ValueError: the fee is all of the amount and more. An `out` of 0 the program refuses.
    """
    x, y = reserves[side], reserves[1 - side]
    creator_rate = config.creator_fee_rate if pool.creator_fee_enabled else 0
    on_input = pool.creator_fee_on in {0, side + 1}
    rate = config.trade_fee_rate + (creator_rate if on_input else 0)
    fee = _up(amount_in * rate, _MILLION)
    if fee > amount_in:
        raise ValueError(f"the fee of {amount_in} atoms is {fee}")
    net = amount_in - fee
    out = net * y // (x + net)
    if on_input:
        creator_fee = fee * creator_rate // rate if creator_rate else 0
        fee -= creator_fee
    else:
        creator_fee = _up(out * creator_rate, _MILLION)
        out -= creator_fee
    protocol_fee = fee * config.protocol_fee_rate // _MILLION
    fund_fee = fee * config.fund_fee_rate // _MILLION
    return Trade(out, fee, protocol_fee, fund_fee, creator_fee, on_input)


def swap_instruction(
    at: PoolAddresses, user: Pubkey, side: int, amount_in: int, minimum_amount_out: int
) -> Instruction:
    """Return swap_base_input of token `side`, out of and into the user's associated accounts."""
    this, that = at.mints[side], at.mints[1 - side]
    accounts = [
        AccountMeta(user, is_signer=True, is_writable=False),
        _read(AUTHORITY),
        _read(at.config),
        _write(at.pool),
        _write(associated(user, this)),
        _write(associated(user, that)),
        _write(at.vaults[side]),
        _write(at.vaults[1 - side]),
        _read(TOKEN_PROGRAM),
        _read(TOKEN_PROGRAM),
        _read(this),
        _read(that),
        _write(at.observation),
    ]
    data = struct.pack("<QQ", amount_in, minimum_amount_out)
    return Instruction(PROGRAM, discriminator("global", "swap_base_input") + data, accounts)


def _up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _write(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)
