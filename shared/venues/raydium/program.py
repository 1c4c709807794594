"""Raydium's CPMM program: its addresses and its words.

https://github.com/raydium-io/raydium-cp-swap, programs/cp-swap/src
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct
from solders.pubkey import Pubkey

CPMM: Final = Pubkey.from_string("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
AUTHORITY: Final = Pubkey.find_program_address([b"vault_and_lp_mint_auth_seed"], CPMM)[0]
CONFIGS: Final = range(4)  # Indices of the fee tiers whose pools are looked for.

SLIPPAGE_EXCEEDED: Final = 6005  # The error of a swap that would pay less than was asked for.

_PAIRS = 4_096


class PoolAddresses(Struct, frozen=True, kw_only=True):
    """A pool that there may be. Pairs are of token 0 and 1."""

    config: Pubkey
    pool: Pubkey
    mints: tuple[Pubkey, Pubkey]
    vaults: tuple[Pubkey, Pubkey]

    @property
    def keys(self) -> tuple[Pubkey, Pubkey, Pubkey, Pubkey]:
        """Return the accounts that tell the pool's state: fee tier, pool, and vaults."""
        return (self.config, self.pool, *self.vaults)


@lru_cache(maxsize=_PAIRS)
def pools_of(one: Pubkey, other: Pubkey) -> tuple[PoolAddresses, ...]:
    """Return the pools of two mints that anybody can work out: one a fee tier."""
    mint_0, mint_1 = sorted((one, other), key=bytes)
    return tuple(_pool(_config(index), mint_0, mint_1) for index in CONFIGS)


@lru_cache(maxsize=_PAIRS)
def keys_of(one: Pubkey, other: Pubkey) -> tuple[Pubkey, ...]:
    """Return the accounts of these pools, to be read in one getMultipleAccounts."""
    return tuple(key for addresses in pools_of(one, other) for key in addresses.keys)


def _config(index: int) -> Pubkey:
    return Pubkey.find_program_address([b"amm_config", index.to_bytes(2, "big")], CPMM)[0]


def _pool(config: Pubkey, mint_0: Pubkey, mint_1: Pubkey) -> PoolAddresses:
    seeds = [b"pool", bytes(config), bytes(mint_0), bytes(mint_1)]
    pool = Pubkey.find_program_address(seeds, CPMM)[0]
    vault_0, vault_1 = (
        Pubkey.find_program_address([b"pool_vault", bytes(pool), bytes(mint)], CPMM)[0]
        for mint in (mint_0, mint_1)
    )
    return PoolAddresses(
        config=config, pool=pool, mints=(mint_0, mint_1), vaults=(vault_0, vault_1)
    )
