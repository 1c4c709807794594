"""Pools in memory, and sources of them: any market that a test needs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.addresses import TOKEN
from shared.solana.firewall.allowed import SwapDecoder
from shared.solana.terms import Terms
from shared.tokens.registry import Token
from shared.venues.onchain.offers import Offer
from shared.venues.onchain.pools import SCALE, NoSwap, Pools
from shared.venues.raydium.accounts import AmmConfig, Pool
from shared.venues.raydium.curve import Standing
from shared.venues.raydium.instruction import SwapReader
from shared.venues.raydium.pool import CpmmPool

NOW = 1_700_000_000
MINTS = (Pubkey(bytes([250] * 32)), Pubkey(bytes([251] * 32)))


_READER = SwapReader()


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
    mints: tuple[Pubkey, Pubkey] = MINTS,
) -> CpmmPool:
    """Return a pool with reserves of `x` atoms of the token in and `y` of the other."""
    config = AmmConfig(
        trade_fee_rate=rate,
        protocol_fee_rate=120_000,
        fund_fee_rate=40_000,
        creator_fee_rate=creator_rate,
    )
    pool = Pool(
        config=_key(number, 4),
        vaults=(_key(number, 1), _key(number, 2)),
        mints=mints,
        programs=(TOKEN, TOKEN),
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


@dataclass(frozen=True)
class Steps:
    """A pool of another kind: so many atoms at one price, then at the next, which is lower.

    Each step is an amount in, and atoms out for a hundred atoms in.
    """

    steps: Sequence[tuple[int, int]]
    number: int = 1
    venue: str = "steps"
    units: int = 50_000
    reader: SwapDecoder = _READER
    slippage: int = 1
    written: tuple[Pubkey, ...] = ()
    price: Fraction = Fraction(1)
    depth: int = 1

    @property
    def address(self) -> Pubkey:
        return _key(self.number)

    def offer(self, amount_in: int) -> Offer:
        out, left = 0, amount_in
        for amount, price in self.steps:
            out += min(left, amount) * price
            left -= min(left, amount)
        if left or out < 100:
            raise NoSwap("takes no such amount")
        return Offer(amount_out=out // 100, fee_bps=Decimal(0), price_impact_bps=Decimal(0))

    def takes(self, price: int) -> int:
        return sum(amount for amount, paid in self.steps if paid * SCALE >= price * 100)

    def shape(self, amount_in: int) -> Hashable:
        return (self.number, amount_in)

    def swap(self, terms: Terms) -> Instruction:  # noqa: ARG002 - as pools have it
        raise AssertionError("amounts are divided over pools of steps, and never swapped there")


class Market:
    """A source of pools: those of each pair of symbols, and none of any other."""

    def __init__(self, pools: Mapping[tuple[str, str], Sequence[CpmmPool]]) -> None:
        self.pools = dict(pools)

    async def __call__(self, token_in: Token, token_out: Token) -> Pools:
        return Pools(found=self.pools.get((token_in.symbol, token_out.symbol), ()))
