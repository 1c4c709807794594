"""The program's accounts, read strictly from their bytes.

Layouts: idls/dlmm.json of the SDK; numbers are little-endian, and an account begins with eight
bytes of sha256 of ``account:`` and its name.
"""

from __future__ import annotations

import struct
from functools import cached_property

from msgspec import Struct
from solders.account import Account
from solders.pubkey import Pubkey

from shared.solana.addresses import SYSTEM, TOKEN, Mint
from shared.solana.token_accounts import balance_of, is_of
from shared.venues.meteora.program import BINS, DLMM, bin_array


class BadAccount(Exception):
    """An account is not what it should be; the message names it and the fault."""


class FeeTerms(Struct, frozen=True):
    """A pool's fees, as its account lays them out.

    Periods are in seconds; `reduction_factor` and `protocol_share` in bps; `max_volatility` as
    `Volatility` counts. The base fee is ``base_factor * bin_step * 10 * 10^power`` billionths.
    """

    base_factor: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    variable_fee_control: int
    max_volatility: int
    protocol_share: int
    power: int


class Volatility(Struct, frozen=True):
    """How far the price has moved lately, as a pool's account lays it out.

    It is counted in ten-thousandths of a bin, from the bin `index` on; `updated` is a unix time.
    """

    accumulator: int
    reference: int
    index: int
    updated: int


class LbPair(Struct, frozen=True, kw_only=True):
    """A pool. Pairs are of token X and Y; `bitmap` has a bit for each array with liquidity.

    `activation` is a slot, or a unix time where `by_time`. `programs` holds flags: 0 for the token
    program, 1 for Token-2022.
    """

    fees: FeeTerms
    volatility: Volatility
    function_type: int
    collect_fee_mode: int
    pair_type: int
    active_id: int
    bin_step: int
    status: int
    by_time: int
    activation: int
    mints: tuple[Pubkey, Pubkey]
    reserves: tuple[Pubkey, Pubkey]
    protocol_fees: tuple[int, int]
    rewards: bool
    oracle: Pubkey
    bitmap: int
    programs: tuple[int, int]


class Bin(Struct, frozen=True, kw_only=True):
    """The liquidity at one price, in atoms; that price is in Q64.64, or 0 where it is not stored.

    `orders` are what limit orders offer, those that have been begun first, on one side only: they
    sell X if `asks`.
    """

    amounts: tuple[int, int]
    price: int
    orders: tuple[int, int]
    asks: bool


class BinArray(Struct, frozen=True, dict=True):
    """Seventy bins in a row. Of them only those are read that somebody looks at."""

    index: int
    data: bytes

    @cached_property
    def liquid(self) -> frozenset[int]:
        """Return the ids of the bins with anything in them."""
        first = self.index * BINS
        rows = _AMOUNTS.iter_unpack(self.data[_BINS_AT:])
        return frozenset(first + number for number, row in enumerate(rows) if any(row))

    def bin(self, bin_id: int) -> Bin:
        """Return one of its bins."""
        at = _BINS_AT + _BIN.size * (bin_id - self.index * BINS)
        x, y, low, high, open_, begun, asks = _BIN.unpack_from(self.data, at)
        return Bin(amounts=(x, y), price=high << 64 | low, orders=(begun, open_), asks=bool(asks))


_LB_PAIR = struct.Struct(
    "<8s HHHH II 8x H BBB 3x II i 4x q 8x 3x B i H B 3x B x 32s 32s 32s 32s QQ 32x"
    "32s 112x 32s 112x 32s 128s 8x 32x 32x 32x Q 8x 8x 8x 32x BB 22x"
)
_LB_PAIR_IS = bytes.fromhex("210b3162b565b10d")
_BIN_ARRAY = struct.Struct("<8s q 8x 32s")
_BIN_ARRAY_IS = bytes.fromhex("5c8e5cdc059446b5")
_BINS_AT = _BIN_ARRAY.size
_BIN = struct.Struct("<QQ QQ 80x Q 8x Q 4x B 3x")
_AMOUNTS = struct.Struct("<QQ 96x Q 8x Q 8x")
_NOBODY = bytes(32)
_MINT = struct.Struct("<36x Q B B 36x")
_MOST_POWER = 9  # Ten times more, and the fee of any pool is past its cap.
_MOST_STEP = 400


def exists(account: Account | None) -> bool:
    """Return whether somebody made it: lamports sent to an address alone make no account."""
    return account is not None and account.owner != SYSTEM


def read_pair(key: Pubkey, account: Account) -> LbPair:
    """Return a pool. Raises `BadAccount`."""
    name = f"LbPair {key}"
    _is_ours(name, account, _LB_PAIR_IS, _LB_PAIR.size)
    fields = _LB_PAIR.unpack(account.data)
    fees, volatility = FeeTerms(*fields[1:9]), Volatility(*fields[11:15])
    pair_type, active_id, bin_step, status, by_time = fields[15:20]
    mint_x, mint_y, reserve_x, reserve_y = map(Pubkey.from_bytes, fields[20:24])
    fee_x, fee_y, reward_0, reward_1, oracle, bitmap, activation, flag_x, flag_y = fields[24:]
    if fees.power > _MOST_POWER or not 0 < bin_step <= _MOST_STEP:
        raise BadAccount(f"{name}: a bin step of {bin_step}, or a fee times 10^{fees.power}")
    return LbPair(
        fees=fees,
        volatility=volatility,
        function_type=fields[9],
        collect_fee_mode=fields[10],
        pair_type=pair_type,
        active_id=active_id,
        bin_step=bin_step,
        status=status,
        by_time=by_time,
        activation=activation,
        mints=(mint_x, mint_y),
        reserves=(reserve_x, reserve_y),
        protocol_fees=(fee_x, fee_y),
        rewards=(reward_0, reward_1) != (_NOBODY, _NOBODY),
        oracle=Pubkey.from_bytes(oracle),
        bitmap=int.from_bytes(bitmap, "little"),
        programs=(flag_x, flag_y),
    )


def read_array(pool: Pubkey, index: int, account: Account | None) -> BinArray:
    """Return a pool's bin array. Raises `BadAccount`."""
    name = f"BinArray {bin_array(pool, index)}"
    if account is None or not exists(account):
        raise BadAccount(f"{name}: there is none, though the pool's bitmap says so")
    _is_ours(name, account, _BIN_ARRAY_IS, _BINS_AT + BINS * _BIN.size)
    _, found, of = _BIN_ARRAY.unpack_from(account.data)
    if (found, of) != (index, bytes(pool)):
        raise BadAccount(f"{name}: it is number {found} of {Pubkey.from_bytes(of)}")
    return BinArray(index, account.data)


def read_reserve(pool: Pubkey, key: Pubkey, account: Account | None, mint: Pubkey) -> int:
    """Return the atoms in a pool's reserve. Raises `BadAccount`."""
    if account is None or not is_of(account, pool, Mint(mint)):
        fault = f"it is no token account of {pool} for {mint}, or it is frozen"
        raise BadAccount(f"reserve {key}: {fault}")
    return balance_of(account.data)


def read_decimals(mint: Pubkey, account: Account | None) -> int:
    """Return the decimals of a mint of the token program. Raises `BadAccount`."""
    if account is None or account.owner != TOKEN or len(account.data) != _MINT.size:
        raise BadAccount(f"mint {mint}: it is no mint of the token program")
    _, decimals, is_made = _MINT.unpack(account.data)
    if not is_made:
        raise BadAccount(f"mint {mint}: it is not initialised")
    return int(decimals)


def _is_ours(name: str, account: Account, begins: bytes, size: int) -> None:
    if account.owner != DLMM:
        raise BadAccount(f"{name}: it belongs to {account.owner}, and not to the program")
    if len(account.data) != size:
        raise BadAccount(f"{name}: it has {len(account.data)} bytes, and not {size}")
    if account.data[: len(begins)] != begins:
        raise BadAccount(f"{name}: it begins with {account.data[:8].hex()}: another kind")
