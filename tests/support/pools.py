"""Constant-product pools in memory, and sources of them: any market that a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from solders.pubkey import Pubkey

from shared.tokens.registry import Token
from shared.venues.onchain.pools import Pools
from shared.venues.raydium.accounts import AmmConfig, Pool
from shared.venues.raydium.curve import Standing
from shared.venues.raydium.pool import CpmmPool

NOW = 1_700_000_000
_KEY = Pubkey.default()


def a_pool(  # noqa: PLR0913 - each is a pool's own
    x: int,
    y: int,
    *,
    rate: int = 2_500,
    creator_rate: int = 0,
    creator_fee_on: int = 0,
    number: int = 1,
    venue: str = "raydium",
    status: int = 0,
) -> CpmmPool:
    """Return a pool with reserves of `x` atoms of the token in and `y` of the other."""
    config = AmmConfig(
        trade_fee_rate=rate,
        protocol_fee_rate=120_000,
        fund_fee_rate=40_000,
        creator_fee_rate=creator_rate,
    )
    pool = Pool(
        config=_KEY,
        vaults=(_key(number, 1), _key(number, 2)),
        mints=(_key(250), _key(251)),
        programs=(_KEY, _KEY),
        decimals=(9, 6),
        observation=_key(number, 3),
        status=status,
        protocol_fees=(0, 0),
        fund_fees=(0, 0),
        creator_fees=(0, 0),
        open_time=0,
        creator_fee_on=creator_fee_on,
        creator_fee_enabled=bool(creator_rate),
    )
    return CpmmPool(
        venue=venue,
        address=_key(number),
        standing=Standing(pool=pool, config=config, vaults=(x, y)),
        side=0,
        unix_time=NOW,
    )


def _key(*numbers: int) -> Pubkey:
    return Pubkey(bytes(numbers).ljust(32, b"\1"))


class Market:
    """A source of pools: those of each pair of symbols, and none of any other."""

    def __init__(self, pools: Mapping[tuple[str, str], Sequence[CpmmPool]]) -> None:
        self.pools = dict(pools)

    async def __call__(self, token_in: Token, token_out: Token) -> Pools:
        return Pools(found=self.pools.get((token_in.symbol, token_out.symbol), ()))
