"""Meteora's DLMM program: its addresses and its words.

https://github.com/MeteoraAg/dlmm-sdk, commons/src/pda.rs and commons/src/constants.rs
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from solders.pubkey import Pubkey

DLMM: Final = Pubkey.from_string("LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo")
EVENT_AUTHORITY: Final = Pubkey.find_program_address([b"__event_authority"], DLMM)[0]
BINS: Final = 70  # Of a bin array.
ARRAYS: Final = 512  # On each side of bin 0: others are known to the bitmap's extension alone.
SLIPPAGE_EXCEEDED: Final = 6003  # The error of a swap that would pay less than was asked for.

# The pools that are looked for. A pool's address follows from its mints, and from one of these: its
# bin step alone (the oldest), bin step and base factor, a numbered preset, or a key for all pairs.
BIN_STEPS: Final = (
    *(1, 2, 4, 5, 8, 10, 15, 16, 20, 25, 30, 50, 60, 80, 100, 125, 150, 160, 200, 250, 400),
)
BASE_FACTORS: Final = (
    *((step, 10_000) for step in BIN_STEPS),
    *((step, 8_000) for step in (5, 50, 100)),
    *((step, 5_000) for step in (8, 10, 20, 400)),
    *((step, 7_500) for step in (80, 100)),
    *((step, 20_000) for step in (1, 10, 100)),
    (2, 15_000),
    (250, 4_000),
)
PRESETS: Final = range(32)
_CUSTOMIZABLE: Final = Pubkey.from_string("MFGQxwAmB91SwuYX36okv2Qmdc9aMuHTwWGUrp4AtB1")

_PAIRS = 4_096


@lru_cache(maxsize=_PAIRS)
def pools_of(one: Pubkey, other: Pubkey) -> tuple[Pubkey, ...]:
    """Return the addresses of the pools of two mints that anybody can work out."""
    mints = sorted((bytes(one), bytes(other)))
    return (
        *(_address(*mints, _u16(step)) for step in BIN_STEPS),
        *(_address(*mints, _u16(step), _u16(factor)) for step, factor in BASE_FACTORS),
        *(_address(_preset(index), *mints) for index in PRESETS),
        _address(bytes(_CUSTOMIZABLE), *mints),
    )


@lru_cache(maxsize=16 * _PAIRS)
def bin_array(pool: Pubkey, index: int) -> Pubkey:
    """Return the address of a pool's bin array: bins ``70 * index`` to ``70 * index + 69``."""
    return _address(b"bin_array", bytes(pool), index.to_bytes(8, "little", signed=True))


@lru_cache(maxsize=64)  # Some 10 ms of work, and 100 kB.
def bin_arrays(pool: Pubkey) -> frozenset[Pubkey]:
    """Return the addresses of all bin arrays that a pool's own bitmap can tell of."""
    return frozenset(bin_array(pool, index) for index in range(-ARRAYS, ARRAYS))


@lru_cache(maxsize=_PAIRS)
def reserve(pool: Pubkey, mint: Pubkey) -> Pubkey:
    """Return the token account in which a pool keeps one of its tokens."""
    return _address(bytes(pool), bytes(mint))


@lru_cache(maxsize=_PAIRS)
def oracle(pool: Pubkey) -> Pubkey:
    """Return the account in which a pool records where its price was."""
    return _address(b"oracle", bytes(pool))


def _preset(index: int) -> bytes:
    return bytes(_address(b"preset_parameter2", _u16(index)))


def _address(*seeds: bytes) -> Pubkey:
    return Pubkey.find_program_address(seeds, DLMM)[0]


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "little")
