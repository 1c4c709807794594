"""Where the accounts of a pool lie: all follow from the config's number and the two mints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from solders.pubkey import Pubkey

PROGRAM = Pubkey.from_string("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")


def _find(*seeds: bytes) -> tuple[Pubkey, int]:
    return Pubkey.find_program_address(list(seeds), PROGRAM)


AUTHORITY, AUTHORITY_BUMP = _find(b"vault_and_lp_mint_auth_seed")


@cache
def config_address(index: int) -> tuple[Pubkey, int]:
    """Return the address of the AmmConfig of a number, and its bump."""
    return _find(b"amm_config", index.to_bytes(2, "big"))


@dataclass(frozen=True, slots=True)
class PoolAddresses:
    """The accounts of one pool; tuples are of token 0 and token 1."""

    config: Pubkey
    mints: tuple[Pubkey, Pubkey]
    pool: Pubkey
    vaults: tuple[Pubkey, Pubkey]
    lp_mint: Pubkey
    observation: Pubkey


@cache
def pool_addresses(config_index: int, one: Pubkey, other: Pubkey) -> PoolAddresses:
    """Return where a pool of two mints, in any order, and a config lies."""
    config, _ = config_address(config_index)
    low, high = sorted((bytes(one), bytes(other)))
    pool, _ = _find(b"pool", bytes(config), low, high)
    return PoolAddresses(
        config=config,
        mints=(Pubkey(low), Pubkey(high)),
        pool=pool,
        vaults=(
            _find(b"pool_vault", bytes(pool), low)[0],
            _find(b"pool_vault", bytes(pool), high)[0],
        ),
        lp_mint=_find(b"pool_lp_mint", bytes(pool))[0],
        observation=_find(b"observation", bytes(pool))[0],
    )
