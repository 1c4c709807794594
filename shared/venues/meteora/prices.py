"""The price of a bin, and amounts at that price, in exact integers.

Prices are atoms of Y for an atom of X, in Q64.64. Formulas: math/price_math.rs and
math/u64x64_math.rs of the SDK's commons, and extensions/bin.rs for which way amounts are rounded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_SCALE: Final = 64
_ONE: Final = 1 << _SCALE
_MOST: Final = 2**128 - 1
_BPS: Final = 10_000
_EXPONENT_BITS: Final = 19


@lru_cache(maxsize=65_536)
def price_of(bin_id: int, bin_step: int) -> int:
    """Return ``(1 + bin_step / 10,000) ^ bin_id``, each product rounded down as the program does.

    It raises the inverse of the base, which is below one, and inverts the result where that is due.
    Raises `ValueError` for a price that 128 bits cannot hold.
    """
    base, result, exponent = _MOST // (_ONE + (bin_step << _SCALE) // _BPS), _ONE, abs(bin_id)
    if exponent >> _EXPONENT_BITS:
        raise ValueError(f"bin {bin_id} is out of bounds")
    while exponent:
        if exponent & 1:
            result = result * base >> _SCALE
        base = base * base >> _SCALE
        exponent >>= 1
    if result == 0:
        raise ValueError(f"bin {bin_id} has no price")
    return _MOST // result if bin_id > 0 else result


def amount_out(amount_in: int, price: int, side: int) -> int:
    """Return the atoms out for atoms in of token `side`, 0 for X or 1 for Y, rounded down."""
    return amount_in * price >> _SCALE if side == 0 else (amount_in << _SCALE) // price


def amount_in(amount_out: int, price: int, side: int) -> int:
    """Return the atoms in of token `side`, 0 for X or 1 for Y, that atoms out take, rounded up."""
    if side == 0:
        return -(-(amount_out << _SCALE) // price)
    return -(-amount_out * price >> _SCALE)
