"""Which swap takes a pool to a price."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from devchain.cpmm.layouts import Config, PoolState
from devchain.cpmm.swap import price_swap


@dataclass(frozen=True, slots=True)
class Move:
    """Swap so many atoms of token `side`."""

    side: int
    amount_in: int


def reserves_after(
    config: Config, pool: PoolState, reserves: tuple[int, int], move: Move
) -> tuple[int, int]:
    """Return a pool's reserves after a swap: what is owed then is no reserve any more."""
    trade = price_swap(config, pool, reserves, move.side, move.amount_in)
    left = [*reserves]
    left[move.side] += move.amount_in - trade.protocol_fee - trade.fund_fee
    left[1 - move.side] -= trade.out
    left[move.side if trade.creator_on_input else 1 - move.side] -= trade.creator_fee
    return left[0], left[1]


def move_to(
    config: Config,
    pool: PoolState,
    reserves: tuple[int, int],
    price: Fraction,
    purse: tuple[int, int],
) -> Move | None:
    """Return the largest swap that does not take a pool past a price (reserve 1 to reserve 0).

    It is bounded by the atoms in the purse; None if the least swap would go past the price, or if
    the pool would pay nothing for it.
    """
    side = 0 if reserves[1] > price * reserves[0] else 1
    # By the side that pays: how many atoms of the other one are worth one that comes in.
    goal = price if side == 0 else 1 / price
    x, y = reserves[side], reserves[1 - side]

    def goes_past(amount: int) -> bool:
        left = reserves_after(config, pool, reserves, Move(side, amount))
        return left[1 - side] * goal.denominator < goal.numerator * left[side]

    # Without fees x ends at sqrt(x * y / goal); twice that is past it with any fee below half.
    root = isqrt(x * y * goal.denominator // goal.numerator)
    within, past = 0, min(purse[side], 2 * root + 2) + 1
    while past - within > 1:
        middle = (within + past) // 2
        if goes_past(middle):
            past = middle
        else:
            within = middle
    if not within or not price_swap(config, pool, reserves, side, within).out:
        return None
    return Move(side, within)
