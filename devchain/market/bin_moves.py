"""Which swap takes a pool of bins toward a price."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import islice

from devchain.dlmm.layouts import Bin, Pair
from devchain.dlmm.prices import ONE, bin_at, price_of
from devchain.dlmm.swap import cost, fee_rate, walk
from devchain.market.moves import Move

# So many take some 160,000 units; a transaction that asks for no more has 200,000.
MOST_BINS = 24


def is_near(pair: Pair, price: Fraction) -> bool:
    """Return whether a price lies between those of the bins on both sides of the active one."""
    low, high = (price_of(pair.active_id + away, pair.bin_step) for away in (-1, 1))
    return low <= price * ONE <= high


def move_toward(
    pair: Pair, bins: Mapping[int, Bin], price: Fraction, purse: tuple[int, int], now: int
) -> Move | None:
    """Return the swap that makes the bin of a price the active one, and takes half of it.

    It goes through `MOST_BINS` at most, no farther than there are tokens, and costs no more than
    the atoms in the purse; None if that moves nothing.
    """
    goal = bin_at(price, pair.bin_step)
    side = 0 if goal < pair.active_id else 1
    way = [
        (here.active_id, cost(one, side, fee_rate(here)))
        for here, one in islice(walk(pair, bins, side, now), MOST_BINS)
        if abs(here.active_id - pair.active_id) <= abs(goal - pair.active_id)
    ]
    if not way or way[-1][0] == pair.active_id:
        return None
    *through, last = (each for _, each in way)
    amount = min(sum(through) + last // 2 + 1, purse[side])
    return Move(side, amount) if amount else None
