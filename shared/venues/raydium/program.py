"""Raydium's CPMM program: its addresses and its words.

https://github.com/raydium-io/raydium-cp-swap, programs/cp-swap/src
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from solders.pubkey import Pubkey

CPMM: Final = Pubkey.from_string("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
AUTHORITY: Final = Pubkey.find_program_address([b"vault_and_lp_mint_auth_seed"], CPMM)[0]
CONFIGS: Final = range(4)  # Indices of the fee tiers whose pools are looked for.

SLIPPAGE_EXCEEDED: Final = 6005  # The error of a swap that would pay less than was asked for.

_PAIRS = 4_096


class PoolAddresses(NamedTuple):
    """A pool that there may be, by the accounts that tell its state; vaults are of mint 0 and 1."""

    config: Pubkey
    pool: Pubkey
    vault_0: Pubkey
    vault_1: Pubkey


@lru_cache(maxsize=_PAIRS)
def pools_of(one: Pubkey, other: Pubkey) -> tuple[PoolAddresses, ...]:
    """Return the pools of two mints that anybody can work out: one a fee tier."""
    mints = sorted((one, other), key=bytes)
    return tuple(_pool(_config(index), mints[0], mints[1]) for index in CONFIGS)


def _config(index: int) -> Pubkey:
    return Pubkey.find_program_address([b"amm_config", index.to_bytes(2, "big")], CPMM)[0]


def _pool(config: Pubkey, mint_0: Pubkey, mint_1: Pubkey) -> PoolAddresses:
    seeds = [b"pool", bytes(config), bytes(mint_0), bytes(mint_1)]
    pool = Pubkey.find_program_address(seeds, CPMM)[0]
    vault_0, vault_1 = (
        Pubkey.find_program_address([b"pool_vault", bytes(pool), bytes(mint)], CPMM)[0]
        for mint in (mint_0, mint_1)
    )
    return PoolAddresses(config, pool, vault_0, vault_1)
