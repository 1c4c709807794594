"""The accounts of a market, and the programs that work on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isqrt
from pathlib import Path

from solders.account import Account
from solders.pubkey import Pubkey

from devchain import programs as _programs
from devchain.cpmm.addresses import AUTHORITY, PROGRAM, config_address
from devchain.cpmm.layouts import (
    LP_DECIMALS,
    PoolState,
    config_bytes,
    observation_bytes,
    pool_bytes,
)
from devchain.dlmm.addresses import PROGRAM as DLMM_PROGRAM
from devchain.genesis.bins import pool_accounts, reserves_of
from devchain.genesis.keys import FAUCET, MAKER
from devchain.genesis.plan import Market, PoolPlan, read_market
from devchain.genesis.tokens import WRAPPED_SOL, mint_account, owned, token_account
from devchain.wire import associated

ROUTER = Pubkey.from_string("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4")
_FOR_FEES = 1_000_000 * 10**9  # Lamports of each who sends or signs.
# The maker has so many times what all pools of a token hold: a price times ten needs 2.2 of one.
_MAKER_TIMES = 3


def programs() -> Mapping[Pubkey, Path]:
    """Return the programs of the market, and the files that they are in."""
    folder = Path(_programs.__file__).parent
    return {
        PROGRAM: folder / "raydium_cpmm" / "raydium_cpmm.so",
        ROUTER: folder / "jupiter" / "jupiter.so",
        DLMM_PROGRAM: folder / "meteora_dlmm" / "meteora_dlmm.so",
    }


def accounts(market: Market | None = None) -> Mapping[Pubkey, Account]:
    """Return every account of a market, the default one unless another is given.

    Raises ValueError for more of a token than can be counted, PlanError and OSError for its file.
    """
    market = market or read_market()
    made = _mints(market)
    for config in market.by_index.values():
        key, bump = config_address(config.index)
        data = config_bytes(config, bump=bump, owner=FAUCET.pubkey())
        made[key] = owned(data, PROGRAM)
    for pool in market.pools:
        made |= _pool(market, pool)
    for bins in market.dlmm:
        made |= pool_accounts(market, bins)
    maker = MAKER.pubkey()
    made[maker] = Account(_FOR_FEES, b"", Pubkey.default())
    for mint, atoms in _makers(market).items():
        made[associated(maker, mint)] = token_account(mint, maker, atoms)
    return made


def _reserves(market: Market, pool: PoolPlan) -> tuple[int, int]:
    one, other = market.sides(pool)
    return one.atoms(pool.usd), other.atoms(pool.usd)


def _pool(market: Market, pool: PoolPlan) -> dict[Pubkey, Account]:
    at, sides, reserves = market.addresses(pool), market.sides(pool), _reserves(market, pool)
    shares = isqrt(reserves[0] * reserves[1])
    state = PoolState(decimals=(sides[0].decimals, sides[1].decimals), lp_supply=shares)
    vaults = {
        vault: token_account(mint, AUTHORITY, atoms)
        for vault, mint, atoms in zip(at.vaults, at.mints, reserves, strict=True)
    }
    return vaults | {
        at.pool: owned(pool_bytes(state, at, FAUCET.pubkey()), PROGRAM),
        at.observation: owned(observation_bytes(at.pool), PROGRAM),
        at.lp_mint: mint_account(AUTHORITY, shares, LP_DECIMALS),
    }


def _in_pools(market: Market) -> Counter[Pubkey]:
    total: Counter[Pubkey] = Counter()
    for pool in market.pools:
        for token, atoms in zip(market.sides(pool), _reserves(market, pool), strict=True):
            total[token.key] += atoms
    for bins in market.dlmm:
        for token, atoms in zip(market.sides(bins), reserves_of(market, bins), strict=True):
            total[token.key] += atoms
    return total


def _makers(market: Market) -> dict[Pubkey, int]:
    pooled = _in_pools(market)
    return {token.key: _MAKER_TIMES * pooled[token.key] for token in market.tokens}


def _mints(market: Market) -> dict[Pubkey, Account]:
    made = {}
    makers, pooled = _makers(market), _in_pools(market)
    for token in market.tokens:
        supply = pooled[token.key] + makers[token.key]
        if supply >= 2**64:
            raise ValueError(f"{token.symbol}: {supply} atoms are more than a mint can have")
        sol = token.key == WRAPPED_SOL
        # Wrapped SOL is counted in lamports, and comes of nothing else.
        made[token.key] = mint_account(
            None if sol else FAUCET.pubkey(), 0 if sol else supply, token.decimals
        )
    return made
