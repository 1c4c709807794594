"""A swap: the instruction that asks for it, and what it pays, to the atom.

Formulas: Meteora's dlmm-sdk, `quote.rs` and `extensions/lb_pair.rs`. Rates are in billionths.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from devchain.dlmm.addresses import (
    EVENT_AUTHORITY,
    MEMO_PROGRAM,
    PROGRAM,
    PoolAddresses,
    array_address,
)
from devchain.dlmm.layouts import Bin, Pair
from devchain.dlmm.prices import ONE
from devchain.wire import associated, discriminator

_BILLION = 1_000_000_000
_MOST_RATE = 100_000_000
_TEN_THOUSAND = 10_000


class TooFewTokens(ValueError):
    """The bins on the way hold less than the swap would take."""


@dataclass(frozen=True, slots=True)
class Trade:
    """The amounts of a swap in atoms, and the pool after it: the bins that changed."""

    out: int
    fee: int
    protocol_fee: int
    pair: Pair
    bins: Mapping[int, Bin]


def fee_rate(pair: Pair) -> int:
    """Return the rate of a pool as volatile as it is: a tenth at most."""
    fees, moved = pair.fees, pair.volatility * pair.bin_step
    base = fees.base_factor * pair.bin_step * 10
    return min(base + _up(fees.variable_fee_control * moved**2, 10**11), _MOST_RATE)


def walk(pair: Pair, bins: Mapping[int, Bin], side: int, now: int) -> Iterator[tuple[Pair, Bin]]:
    """Yield the bins that a swap of token `side` (0 X, 1 Y) comes to, each with the pool there."""
    pair = _refer(pair, now)
    toward = -1 if side == 0 else 1
    ahead = (b for b in bins if (b - pair.active_id) * toward >= 0 and bins[b].tokens[1 - side])
    for bin_id in sorted(ahead, key=lambda b: b * toward):
        moved = abs(pair.index_reference - bin_id) * _TEN_THOUSAND
        volatility = min(pair.volatility_reference + moved, pair.fees.most_volatility)
        yield replace(pair, active_id=bin_id, volatility=volatility), bins[bin_id]


def cost(one: Bin, side: int, rate: int) -> int:
    """Return what all that a bin has of the other token costs, with the fee."""
    net = _needed(one, side)
    return net + _up(net * rate, _BILLION - rate)


def price_swap(pair: Pair, bins: Mapping[int, Bin], side: int, amount_in: int, now: int) -> Trade:
    """Return what a pool pays for an amount of token `side` at a unix time.

    Raises TooFewTokens. An `out` of 0 the program refuses.
    """
    left, out, fees, owed = amount_in, 0, 0, [*pair.protocol_fees]
    changed = {}
    for here, one in walk(pair, bins, side, now):
        rate = fee_rate(here)
        fee = _up(left * rate, _BILLION)
        net = min(left - fee, _needed(one, side))
        paid = one.tokens[1 - side] if net == _needed(one, side) else _worth(one, side, net)
        if net < left - fee:
            fee = _up(net * rate, _BILLION - rate)
            left -= net + fee
        else:
            left = 0
        tokens = (one.tokens[0] + net, one.tokens[1] - paid)
        if side == 1:
            tokens = (one.tokens[0] - paid, one.tokens[1] + net)
        changed[here.active_id] = replace(one, tokens=tokens)
        owed[side] += fee * pair.fees.protocol_share // _TEN_THOUSAND if net else fee
        out, fees = out + paid, fees + fee
        if not left:
            break
    else:
        raise TooFewTokens(f"{left} of {amount_in} atoms find nothing")
    moved_at = pair.moved_at if here.active_id == pair.active_id else now
    after = replace(here, moved_at=moved_at, protocol_fees=(owed[0], owed[1]))
    return Trade(out, fees, owed[side] - pair.protocol_fees[side], after, changed)


def swap_instruction(
    at: PoolAddresses,
    user: Pubkey,
    side: int,
    amounts: tuple[int, int],
    arrays: Sequence[int],
) -> Instruction:
    """Return swap2 of token `side`, out of and into the user's associated accounts.

    `amounts` are what goes in and the least that comes out; `arrays` are numbered in the order in
    which the swap comes to them.
    """
    this, that = at.mints[side], at.mints[1 - side]
    accounts = [
        _write(at.pair),
        _read(PROGRAM),  # No extension of the bitmap.
        _write(at.reserves[0]),
        _write(at.reserves[1]),
        _write(associated(user, this)),
        _write(associated(user, that)),
        _read(at.mints[0]),
        _read(at.mints[1]),
        _write(at.oracle),
        _read(PROGRAM),  # No host, who would have a part of the fee.
        AccountMeta(user, is_signer=True, is_writable=False),
        _read(TOKEN_PROGRAM),
        _read(TOKEN_PROGRAM),
        _read(MEMO_PROGRAM),
        _read(EVENT_AUTHORITY),
        _read(PROGRAM),
        *(_write(array_address(at.pair, index)) for index in arrays),
    ]
    data = struct.pack("<QQI", *amounts, 0)
    return Instruction(PROGRAM, discriminator("global", "swap2") + data, accounts)


def _refer(pair: Pair, now: int) -> Pair:
    """Return a pool as a swap begins with it: after a while volatility counts less, or not."""
    fees, since = pair.fees, now - pair.moved_at
    if since < fees.filter_period:
        return pair
    kept = pair.volatility * fees.reduction_factor // _TEN_THOUSAND
    reference = kept if since < fees.decay_period else 0
    return replace(pair, index_reference=pair.active_id, volatility_reference=reference)


def _needed(one: Bin, side: int) -> int:
    """Return what all that a bin has of the other token costs, without the fee."""
    if side == 0:
        return _up(one.tokens[1] * ONE, one.price)
    return _up(one.tokens[0] * one.price, ONE)


def _worth(one: Bin, side: int, amount: int) -> int:
    return amount * one.price // ONE if side == 0 else amount * ONE // one.price


def _up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _write(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)
