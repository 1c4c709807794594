"""Where the accounts of a pool lie: all follow from its mints, its bin step and its base factor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from solders.pubkey import Pubkey

PROGRAM = Pubkey.from_string("LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo")
MEMO_PROGRAM = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


def _find(*seeds: bytes) -> tuple[Pubkey, int]:
    return Pubkey.find_program_address(list(seeds), PROGRAM)


EVENT_AUTHORITY, _ = _find(b"__event_authority")


@dataclass(frozen=True, slots=True)
class PoolAddresses:
    """The accounts of one pool; tuples are of token X and token Y."""

    mints: tuple[Pubkey, Pubkey]
    bin_step: int
    base_factor: int
    pair: Pubkey
    bump: int
    reserves: tuple[Pubkey, Pubkey]
    oracle: Pubkey


@cache
def pool_addresses(x: Pubkey, y: Pubkey, bin_step: int, base_factor: int) -> PoolAddresses:
    """Return where the pool lies that anybody may make of two mints: prices are Y for one X."""
    low, high = sorted((bytes(x), bytes(y)))
    steps = bin_step.to_bytes(2, "little"), base_factor.to_bytes(2, "little")
    pair, bump = _find(low, high, *steps)
    return PoolAddresses(
        mints=(x, y),
        bin_step=bin_step,
        base_factor=base_factor,
        pair=pair,
        bump=bump,
        reserves=(_find(bytes(pair), bytes(x))[0], _find(bytes(pair), bytes(y))[0]),
        oracle=_find(b"oracle", bytes(pair))[0],
    )


@cache
def array_address(pair: Pubkey, index: int) -> Pubkey:
    """Return where the array of the bins from 70 times its index on lies."""
    return _find(b"bin_array", bytes(pair), index.to_bytes(8, "little", signed=True))[0]
