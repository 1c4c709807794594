"""Choose among quotes. Pure: everything it needs is handed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_DOWN, Context, Decimal
from types import MappingProxyType
from typing import NamedTuple

from shared.orders.values import Quote

_DECIMALS = 9  # At least: most tokens have no more.
_ONE_IN_BPS = 10_000
_WIDE = Context(prec=60)  # 2^64 atoms without decimals have more digits here than the usual 28.


class Handicaps(NamedTuple):
    """What stands against venues: those `unable` come last, for an order that they have failed.

    `discounts` are by how many hundredths of a percent quotes count for less, by venue.
    """

    unable: Collection[str] = ()
    discounts: Mapping[str, int] = MappingProxyType({})


NONE = Handicaps()


def best_quote(quotes: Sequence[Quote], handicaps: Handicaps = NONE) -> Quote | None:
    """Return the quote with the best net amount out, even if that is nothing, or None of none.

    A discount ranks, and takes nothing from the quote. Slippage tolerance bounds the outcome
    (`min_out`) and never ranks.
    """
    unable, discounts = handicaps
    if unable:
        quotes = [quote for quote in quotes if quote.venue not in unable] or quotes
    # The name breaks ties, so that the same quotes always give the same route.
    if not discounts:
        return max(quotes, key=lambda quote: (quote.net_out, quote.venue), default=None)
    return max(quotes, key=lambda quote: (_worth(quote, discounts), quote.venue), default=None)


def _worth(quote: Quote, discounts: Mapping[str, int]) -> Decimal:
    if quote.net_out <= 0:
        return quote.net_out
    kept = _ONE_IN_BPS - discounts.get(quote.venue, 0)
    return _WIDE.divide(_WIDE.multiply(quote.net_out, Decimal(kept)), Decimal(_ONE_IN_BPS))


def min_out(quoted_out: Decimal, max_slippage_bps: int) -> Decimal:
    """Return the least the client must receive, in units of the token out.

    ``floor(out * (10000 - slippage_bps) / 10000)``, as Raydium's and Meteora's programs do, with
    nine decimals, or as many as `quoted_out` has: an atom of some tokens is less than a billionth.
    """
    kept = _WIDE.multiply(quoted_out, Decimal(_ONE_IN_BPS - max_slippage_bps))
    exponent = quoted_out.as_tuple().exponent
    decimals = max(_DECIMALS, -exponent) if isinstance(exponent, int) else _DECIMALS
    atom = Decimal(1).scaleb(-decimals)
    return _WIDE.divide(kept, Decimal(_ONE_IN_BPS)).quantize(atom, ROUND_DOWN, _WIDE)
