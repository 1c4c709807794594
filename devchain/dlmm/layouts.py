"""The bytes of LbPair, BinArray and Oracle, as in programs/meteora_dlmm/layouts.h."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from solders.pubkey import Pubkey

from devchain.dlmm.addresses import PoolAddresses
from devchain.dlmm.prices import ONE, farthest_bin
from devchain.wire import discriminator

BINS = 70
ARRAYS_BELOW = 512  # The bitmap begins at the array of this number below zero.
_PAIR = struct.Struct("<8s4H2I2iH6x2Ii4xq8xB2sBiHBB2s2x128s2Q32x288x32s128s8x32x32s32s32x32s24x")
_ARRAY = struct.Struct("<8sqQ32s")
_BIN = struct.Struct("<QQ16s16s96x")
_ORACLE = struct.Struct("<8s3Q")
_SAMPLES, _SAMPLE_BYTES = 100, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """How dear a pool is: periods in seconds, shares in ten-thousandths, see `swap.fee_rate`."""

    base_factor: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    variable_fee_control: int
    most_volatility: int
    protocol_share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The numbers of a pool; the bitmap has a bit for each array in which there are tokens."""

    fees: Fees
    bin_step: int
    active_id: int
    bitmap: int
    volatility: int = 0
    volatility_reference: int = 0
    index_reference: int = 0
    moved_at: int = 0
    protocol_fees: tuple[int, int] = (0, 0)

    @property
    def arrays(self) -> Sequence[int]:
        """Return the numbers of the arrays in which there are tokens."""
        bits = range(2 * ARRAYS_BELOW)
        return [bit - ARRAYS_BELOW for bit in bits if self.bitmap >> bit & 1]

    def arrays_ahead(self, side: int) -> Sequence[int]:
        """Return those that a swap of token `side` (0 X, 1 Y) may come to, in their order."""
        here = array_of(self.active_id)
        if side == 0:
            return [index for index in reversed(self.arrays) if index <= here]
        return [index for index in self.arrays if index >= here]


@dataclass(frozen=True, slots=True)
class Bin:
    """Tokens X and Y at one price; fees are owed to the shares, and in none of the amounts."""

    tokens: tuple[int, int]
    price: int
    shares: int = 0


def array_of(bin_id: int) -> int:
    """Return the number of the array that a bin is in."""
    return bin_id // BINS


def bitmap_of(arrays: Iterable[int]) -> int:
    """Return the bits of arrays that are numbered from -512 to 511."""
    return sum(1 << index + ARRAYS_BELOW for index in arrays)


def pair_bytes(pair: Pair, at: PoolAddresses) -> bytes:
    """Return the account of a pool of two mints of the plain token program, open to everybody."""
    fees, end = pair.fees, farthest_bin(pair.bin_step)
    nobody = bytes(32)
    return _PAIR.pack(
        discriminator("account", "LbPair"),
        fees.base_factor,
        fees.filter_period,
        fees.decay_period,
        fees.reduction_factor,
        fees.variable_fee_control,
        fees.most_volatility,
        -end,
        end,
        fees.protocol_share,
        pair.volatility,
        pair.volatility_reference,
        pair.index_reference,
        pair.moved_at,
        at.bump,
        pair.bin_step.to_bytes(2, "little"),
        0,
        pair.active_id,
        pair.bin_step,
        0,
        1,
        fees.base_factor.to_bytes(2, "little"),
        b"".join(bytes(key) for key in (*at.mints, *at.reserves)),
        *pair.protocol_fees,
        bytes(at.oracle),
        pair.bitmap.to_bytes(128, "little"),
        nobody,
        nobody,
        nobody,
    )


def read_pair(data: bytes) -> Pair:
    """Return the numbers of a pool's account; struct.error if it has another length."""
    numbers = _PAIR.unpack(data)
    names = ("filter_period", "decay_period", "reduction_factor", "variable_fee_control")
    return Pair(
        fees=Fees(
            base_factor=numbers[1],
            **dict(zip(names, numbers[2:6], strict=True)),
            most_volatility=numbers[6],
            protocol_share=numbers[9],
        ),
        volatility=numbers[10],
        volatility_reference=numbers[11],
        index_reference=numbers[12],
        moved_at=numbers[13],
        active_id=numbers[17],
        bin_step=numbers[18],
        protocol_fees=(numbers[23], numbers[24]),
        bitmap=int.from_bytes(numbers[26], "little"),
    )


def array_bytes(index: int, bins: Mapping[int, Bin], pair: Pubkey) -> bytes:
    """Return the account of an array; bins that are not given are empty."""
    rows = []
    for bin_id in range(index * BINS, (index + 1) * BINS):
        one = bins.get(bin_id, Bin((0, 0), 0))
        wide = (number.to_bytes(16, "little") for number in (one.price, one.shares))
        rows.append(_BIN.pack(*one.tokens, *wide))
    head = _ARRAY.pack(discriminator("account", "BinArray"), index, 1, bytes(pair))
    return head + b"".join(rows)


def read_array(data: bytes) -> dict[int, Bin]:
    """Return the bins of an array that hold tokens, by their numbers."""
    first = _ARRAY.unpack_from(data)[1] * BINS
    rows = enumerate(_BIN.iter_unpack(data[_ARRAY.size :]), first)
    return {
        bin_id: Bin((x, y), int.from_bytes(price, "little"), int.from_bytes(shares, "little"))
        for bin_id, (x, y, price, shares) in rows
        if x or y
    }


def shares_of(tokens: tuple[int, int], price: int) -> int:
    """Return what tokens at a price count as, in Y: as a whole number of 2^-64."""
    return tokens[0] * price + tokens[1] * ONE


def oracle_bytes() -> bytes:
    """Return a pool's diary of active bins with nothing in it; the first swap begins it."""
    head = _ORACLE.pack(discriminator("account", "Oracle"), 0, 0, _SAMPLES)
    return head.ljust(_ORACLE.size + _SAMPLES * _SAMPLE_BYTES, b"\0")
