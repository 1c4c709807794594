"""Rank quotes: the one rule by which a route is chosen, and by which that choice is explained."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Context, Decimal
from types import MappingProxyType

from shared.orders.values import Quote

ONE_IN_BPS = 10_000
WIDE = Context(prec=60)  # 2^64 atoms without decimals have more digits here than the usual 28.
NO_DISCOUNTS: Mapping[str, int] = MappingProxyType({})


def best_first(
    quotes: Sequence[Quote],
    unable: Collection[str] = (),
    discounts: Mapping[str, int] = NO_DISCOUNTS,
) -> list[Quote]:
    """Return the quotes that may win, by their `worth`, without those of venues that are `unable`.

    If all are `unable`, all may win.
    """
    able = [quote for quote in quotes if quote.venue not in unable] or quotes
    # The name breaks ties, so that the same quotes always give the same route.
    return sorted(able, key=lambda quote: (worth(quote, discounts), quote.venue), reverse=True)


def worth(quote: Quote, discounts: Mapping[str, int]) -> Decimal:
    """Return the net amount that a quote counts for: less by its venue's discount (bps), if any."""
    if quote.net_out <= 0 or quote.venue not in discounts:
        return quote.net_out
    kept = ONE_IN_BPS - discounts[quote.venue]
    return WIDE.divide(WIDE.multiply(quote.net_out, Decimal(kept)), Decimal(ONE_IN_BPS))
