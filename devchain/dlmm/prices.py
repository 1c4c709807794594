"""The prices of bins: (1 + bin_step / 10,000) to the power of the bin's number, times 2^64.

Formula: Meteora's dlmm-sdk, `math/price_math.rs` and `math/u64x64_math.rs`. Prices are atoms of Y
for one atom of X.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

ONE = 1 << 64
_MOST = (1 << 128) - 1
_MOST_BIN_ID = 443_636


def farthest_bin(bin_step: int) -> int:
    """Return the number of the last bin, counted either way, that pools with this step have."""
    return _MOST_BIN_ID // bin_step


@lru_cache(maxsize=8_192)
def price_of(bin_id: int, bin_step: int) -> int:
    """Return a bin's price as a whole number of 2^-64.

    ValueError where it would be 0 or more than 128 bits.
    """
    squared = _MOST // (ONE + bin_step * ONE // 10_000)  # Below one, or products overflow.
    power, exponent = ONE, abs(bin_id)
    while exponent:
        if exponent & 1:
            power = power * squared >> 64
        squared = squared * squared >> 64
        exponent >>= 1
    if not power:
        raise ValueError(f"bin {bin_id} of {bin_step} bps has no price")
    return _MOST // power if bin_id > 0 else power


def bin_at(price: Fraction, bin_step: int) -> int:
    """Return the last bin whose price is not above one, or the first that there is."""
    low, high = -farthest_bin(bin_step), farthest_bin(bin_step) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if price_of(middle, bin_step) <= price * ONE:
            low = middle
        else:
            high = middle
    return low
