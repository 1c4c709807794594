"""The figures that explain a swap: the price before it, its impact, its fee."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from shared.venues.meteora.accounts import LbPair
from shared.venues.meteora.prices import price_of
from shared.venues.meteora.walk import Swapped

_BPS: Final = 10_000


def mid_price(pair: LbPair, side: int) -> Fraction:
    """Return atoms of the other token for an atom of token `side`, before fees and impact."""
    price = Fraction(price_of(pair.active_id, pair.bin_step), 1 << 64)
    return 1 / price if side else price


def price_impact_bps(pair: LbPair, swapped: Swapped) -> Decimal:
    """Return how far below the price of the active bin a swap's bins pay, fees aside."""
    fee_in, fee_out = (swapped.fee, 0) if swapped.fee_on_input else (0, swapped.fee)
    ideal = (swapped.amount_in - fee_in) * mid_price(pair, swapped.side)
    return _bps(max(ideal - swapped.amount_out - fee_out, Fraction(0)), ideal)


def fee_bps(swapped: Swapped) -> Decimal:
    """Return the part that the fee takes, of whichever token it is."""
    whole = swapped.amount_in if swapped.fee_on_input else swapped.amount_out + swapped.fee
    return _bps(Fraction(swapped.fee), Fraction(whole))


def _bps(part: Fraction, whole: Fraction) -> Decimal:
    share = _BPS * part / whole
    return (Decimal(share.numerator) / Decimal(share.denominator)).quantize(Decimal("0.01"))
