"""What a market is made of, as a file says it: tokens and their prices, and pools of two kinds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated

import msgspec
from solders.pubkey import Pubkey

from devchain.cpmm.addresses import PoolAddresses, pool_addresses
from devchain.cpmm.layouts import Config
from devchain.dlmm.addresses import PoolAddresses as DlmmAddresses
from devchain.dlmm.addresses import pool_addresses as dlmm_addresses
from devchain.dlmm.layouts import Fees

DEFAULT = Path(__file__).with_name("market.toml")
_Rate = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_MOST_ATOMS = 2**64 - 1


class PlanError(ValueError):
    """The file is no market; the message names file and place."""


class ConfigPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A class of pools: its number, and rates in millionths."""

    index: Annotated[int, msgspec.Meta(ge=0, lt=2**16)]
    trade_fee_rate: _Rate
    protocol_fee_rate: _Rate
    fund_fee_rate: _Rate

    def config(self) -> Config:
        """Return the same for the maths of pools."""
        return Config(**msgspec.structs.asdict(self))


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token: its mint, and its price in dollars when the chain begins."""

    symbol: str
    mint: str
    decimals: Annotated[int, msgspec.Meta(ge=0, le=18)]
    usd: Decimal
    moves_as: str = ""

    @property
    def key(self) -> Pubkey:
        """Return the mint's address."""
        return Pubkey.from_string(self.mint)

    def atoms(self, usd: Fraction | int) -> int:
        """Return how many atoms so many dollars are, at the first price."""
        return int(usd / Fraction(self.usd) * 10**self.decimals)


class PoolPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pool of two tokens with so many dollars on each side."""

    pair: tuple[str, str]
    config: int
    usd: Annotated[int, msgspec.Meta(gt=0)]


class DlmmPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pool of bins that prices X in Y, with so many dollars of each, spread over its arrays.

    The active bin is in the array in the middle. The other numbers are those of mainnet's presets.
    """

    pair: tuple[str, str]
    bin_step: Annotated[int, msgspec.Meta(ge=1, le=400)]
    base_factor: Annotated[int, msgspec.Meta(ge=0, lt=2**16)]
    variable_fee_control: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    usd: Annotated[int, msgspec.Meta(gt=0)]
    arrays: Annotated[int, msgspec.Meta(ge=3, le=9)]

    def fees(self) -> Fees:
        """Return the same for the maths of pools."""
        return Fees(
            base_factor=self.base_factor,
            filter_period=30,
            decay_period=600,
            reduction_factor=5_000,
            variable_fee_control=self.variable_fee_control,
            most_volatility=350_000,
            protocol_share=1_000,
        )


class Market(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All of it."""

    tokens: list[Token]
    configs: list[ConfigPlan]
    pools: list[PoolPlan]
    dlmm: list[DlmmPlan] = []

    @cached_property
    def by_symbol(self) -> Mapping[str, Token]:
        """Return tokens by their symbols."""
        return {token.symbol: token for token in self.tokens}

    @cached_property
    def by_index(self) -> Mapping[int, Config]:
        """Return configs by their numbers."""
        return {plan.index: plan.config() for plan in self.configs}

    def sides(self, pool: PoolPlan | DlmmPlan) -> tuple[Token, Token]:
        """Return a pool's token 0 and token 1, in the order of their bytes; or token X and Y."""
        one, other = (self.by_symbol[symbol] for symbol in pool.pair)
        if isinstance(pool, PoolPlan) and bytes(other.key) < bytes(one.key):
            return other, one
        return one, other

    def addresses(self, pool: PoolPlan) -> PoolAddresses:
        """Return where a pool lies."""
        return pool_addresses(pool.config, *(token.key for token in self.sides(pool)))

    @cached_property
    def all_pools(self) -> Sequence[PoolPlan | DlmmPlan]:
        """Return pools of both kinds, first those of Raydium's CPMM."""
        return [*self.pools, *self.dlmm]

    def dlmm_addresses(self, pool: DlmmPlan) -> DlmmAddresses:
        """Return where a pool lies."""
        x, y = self.sides(pool)
        return dlmm_addresses(x.key, y.key, pool.bin_step, pool.base_factor)


def read_market(path: Path = DEFAULT) -> Market:
    """Return the market of a file; raises PlanError, OSError."""
    try:
        market = msgspec.convert(tomllib.loads(path.read_text()), type=Market)
        _check(market)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        raise PlanError(f"{path}: {error}") from error
    return market


def _check(market: Market) -> None:
    """Raise ValueError where parts do not fit together."""
    for what, names in (
        ("symbol", [token.symbol for token in market.tokens]),
        ("mint", [token.mint for token in market.tokens]),
        ("config", [plan.index for plan in market.configs]),
        ("pool", [(frozenset(pool.pair), pool.config) for pool in market.pools]),
        ("pool", [(frozenset(p.pair), p.bin_step, p.base_factor) for p in market.dlmm]),
    ):
        if len({*names}) < len(names):
            raise ValueError(f"a {what} stands there twice")
    for token in market.tokens:
        _ = token.key
        if token.usd <= 0:
            raise ValueError(f"{token.symbol} costs {token.usd} dollars")
        if token.moves_as not in {"", "USD", *market.by_symbol}:
            raise ValueError(f"{token.symbol} moves as {token.moves_as!r}, which is no token")
    for pool in market.all_pools:
        if fault := _fault(market, pool):
            raise ValueError(f"the pool {'/'.join(pool.pair)}: {fault}")


def _fault(market: Market, pool: PoolPlan | DlmmPlan) -> str | None:
    """Return what is wrong with a pool, if anything is."""
    if isinstance(pool, PoolPlan) and pool.config not in market.by_index:
        return f"there is no config {pool.config}"
    if isinstance(pool, DlmmPlan) and pool.arrays % 2 == 0:
        return f"of {pool.arrays} arrays none is in the middle"
    if pool.pair[0] == pool.pair[1]:
        return "it has one token only"
    for symbol in pool.pair:
        if symbol not in market.by_symbol:
            return f"{symbol} is no token"
        if not 0 < market.by_symbol[symbol].atoms(pool.usd) < _MOST_ATOMS:
            return f"{pool.usd} dollars of {symbol} cannot be counted in atoms"
    return None
