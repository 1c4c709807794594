"""Choose among quotes. Pure: everything it needs is handed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from shared.orders.ranking import NO_DISCOUNTS, ONE_IN_BPS, WIDE, best_first
from shared.orders.values import Quote

_DECIMALS = 9  # At least: most tokens have no more.


class Handicaps(NamedTuple):
    """What stands against venues: those `unable` come last, for an order that they have failed.

    `discounts` are by how many hundredths of a percent quotes count for less, by venue.
    """

    unable: Collection[str] = ()
    discounts: Mapping[str, int] = NO_DISCOUNTS


NONE = Handicaps()


def best_quote(quotes: Sequence[Quote], handicaps: Handicaps = NONE) -> Quote | None:
    """Return the quote with the best net amount out, even if that is nothing, or None of none.

    A discount ranks, and takes nothing from the quote. Slippage tolerance bounds the outcome
    (`min_out`) and never ranks.
    """
    ranked = best_first(quotes, handicaps.unable, handicaps.discounts)
    return ranked[0] if ranked else None


def min_out(quoted_out: Decimal, max_slippage_bps: int) -> Decimal:
    """Return the least the client must receive, in units of the token out.

    ``floor(out * (10000 - slippage_bps) / 10000)``, as Raydium's and Meteora's programs do, with
    nine decimals, or as many as `quoted_out` has: an atom of some tokens is less than a billionth.
    """
    kept = WIDE.multiply(quoted_out, Decimal(ONE_IN_BPS - max_slippage_bps))
    exponent = quoted_out.as_tuple().exponent
    decimals = max(_DECIMALS, -exponent) if isinstance(exponent, int) else _DECIMALS
    atom = Decimal(1).scaleb(-decimals)
    return WIDE.divide(kept, Decimal(ONE_IN_BPS)).quantize(atom, ROUND_DOWN, WIDE)
