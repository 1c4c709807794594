"""The accounts of a pool of bins, and how tokens are spread over them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import groupby

from solders.account import Account
from solders.pubkey import Pubkey

from devchain.dlmm.addresses import PROGRAM, array_address
from devchain.dlmm.layouts import (
    BINS,
    Bin,
    Pair,
    array_bytes,
    array_of,
    bitmap_of,
    oracle_bytes,
    pair_bytes,
    shares_of,
)
from devchain.dlmm.prices import bin_at, price_of
from devchain.genesis.plan import DlmmPlan, Market
from devchain.genesis.tokens import owned, token_account


def reserves_of(market: Market, pool: DlmmPlan) -> tuple[int, int]:
    """Return the atoms of X and Y that a pool begins with."""
    x, y = market.sides(pool)
    return x.atoms(pool.usd), y.atoms(pool.usd)


def pool_accounts(market: Market, pool: DlmmPlan) -> Mapping[Pubkey, Account]:
    """Return every account of a pool: pair, arrays, diary and reserves.

    Raises ValueError where a bin has no price, or arrays are out of the bitmap's reach.
    """
    at, bins = market.dlmm_addresses(pool), spread(market, pool)
    arrays = {index: dict(each) for index, each in groupby(bins.items(), lambda b: array_of(b[0]))}
    active = _active(market, pool)
    pair = Pair(
        fees=pool.fees(),
        bin_step=pool.bin_step,
        active_id=active,
        index_reference=active,
        bitmap=bitmap_of(arrays),
    )
    made = {
        array_address(at.pair, index): owned(array_bytes(index, each, at.pair), PROGRAM)
        for index, each in arrays.items()
    }
    for key, mint, atoms in zip(at.reserves, at.mints, reserves_of(market, pool), strict=True):
        made[key] = token_account(mint, at.pair, atoms)
    return made | {
        at.pair: owned(pair_bytes(pair, at), PROGRAM),
        at.oracle: owned(oracle_bytes(), PROGRAM),
    }


def spread(market: Market, pool: DlmmPlan) -> dict[int, Bin]:
    """Return a pool's bins: as many atoms in each, of Y up to the active one and of X from it on.

    All that cannot be shared out evenly is in the active bin.
    """
    active = _active(market, pool)
    first = (array_of(active) - pool.arrays // 2) * BINS
    end = first + pool.arrays * BINS
    x, y = reserves_of(market, pool)
    each_x, each_y = x // (end - active), y // (active + 1 - first)
    bins = {}
    for bin_id in range(first, end):
        tokens = (each_x if bin_id > active else 0, each_y if bin_id < active else 0)
        if bin_id == active:
            tokens = (x - each_x * (end - active - 1), y - each_y * (active - first))
        price = price_of(bin_id, pool.bin_step)
        bins[bin_id] = Bin(tokens, price, shares_of(tokens, price))
    return bins


def _active(market: Market, pool: DlmmPlan) -> int:
    x, y = market.sides(pool)
    price = Fraction(x.usd) / Fraction(y.usd) * Fraction(10) ** (y.decimals - x.decimals)
    return bin_at(price, pool.bin_step)
