"""Amounts and rates as they are written for people: never in exponent form, exact or said how."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

from shared.orders.ranking import ONE_IN_BPS

_HUNDREDTH = Decimal("0.01")
_WIDE = Context(prec=120)  # The largest amount by the smallest has some 60 digits before the point.


def bps_above(amount: Decimal, reference: Decimal) -> Decimal | None:
    """Return by how many bps an amount is above another: (amount / reference - 1) * 10,000.

    Rounded to two decimals, half to even; below, it is negative. None where the reference is
    nothing or less.
    """
    if reference <= 0:
        return None
    above = _WIDE.divide(_WIDE.multiply(_WIDE.subtract(amount, reference), ONE_IN_BPS), reference)
    rounded = above.quantize(_HUNDREDTH, ROUND_HALF_EVEN, _WIDE)
    return rounded or abs(rounded)  # There is no -0.00.


def vs_quote_bps(amount_out: Decimal | None, quoted_out: Decimal | None) -> Decimal | None:
    """Return by how many bps the swap paid more than was quoted, or None before it did."""
    if amount_out is None or quoted_out is None:
        return None
    return bps_above(amount_out, quoted_out)


def plain(amount: Decimal) -> str:
    """Return an amount with every digit that says something."""
    written = f"{amount:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def more_or_less(bps: Decimal) -> str:
    """Return a rate that is not nothing, e.g. ``1.2 bps less``."""
    if bps == 0:
        return "less than 0.01 bps off"
    return f"{plain(abs(bps))} bps {'more' if bps > 0 else 'less'}"
