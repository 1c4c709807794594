"""Which bin arrays have liquidity: a bit for each of 1,024, the one of bins 0 to 69 in the middle.

Farther ones are in an account of their own, the bitmap's extension, which is not read here.
"""

from __future__ import annotations

from shared.venues.meteora.accounts import LbPair
from shared.venues.meteora.program import ARRAYS, BINS


def array_of(bin_id: int) -> int:
    """Return the number of the bin array that a bin is in."""
    return bin_id // BINS


def to_edge(bin_id: int, side: int) -> int:
    """Return how many bins lie between a bin and its array's edge, as swaps of token `side` go."""
    place = bin_id % BINS
    return BINS - 1 - place if side else place


def next_array(bitmap: int, index: int, side: int) -> int | None:
    """Return the next array with liquidity from `index` on, or None where the bitmap knows none.

    Swaps of token X, `side` 0, go down; those of Y, `side` 1, go up.
    """
    place = index + ARRAYS
    if not 0 <= place < 2 * ARRAYS:
        return None
    if side == 1:
        rest = bitmap >> place
        return index + (rest & -rest).bit_length() - 1 if rest else None
    rest = bitmap & ((2 << place) - 1)
    return rest.bit_length() - 1 - ARRAYS if rest else None


def arrays_from(pair: LbPair, side: int, count: int) -> tuple[int, ...]:
    """Return the first `count` arrays that swaps of token `side` come to, or as many there are."""
    found, index = list[int](), array_of(pair.active_id)
    while len(found) < count and (known := next_array(pair.bitmap, index, side)) is not None:
        found.append(known)
        index = known + (1 if side else -1)
    return tuple(found)
