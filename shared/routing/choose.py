"""Choose among quotes. Pure: everything it needs is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Context, Decimal

from shared.orders.values import Quote

_ATOM = Decimal("1e-9")
_ONE_IN_BPS = 10_000
_WIDE = Context(prec=60)  # 2^64 atoms without decimals have more digits here than the usual 28.


def best_quote(quotes: Sequence[Quote]) -> Quote | None:
    """Return the quote with the best net amount out, even if that is nothing, or None of none.

    Slippage tolerance bounds the outcome (`min_out`) and never ranks.
    """
    # The name breaks ties, so that the same quotes always give the same route.
    return max(quotes, key=lambda quote: (quote.net_out, quote.venue), default=None)


def min_out(quoted_out: Decimal, max_slippage_bps: int) -> Decimal:
    """Return the least the client must receive, in units of the token out, rounded down.

    ``floor(out * (10000 - slippage_bps) / 10000)``, as Raydium's and Meteora's programs do.
    """
    kept = _WIDE.multiply(quoted_out, Decimal(_ONE_IN_BPS - max_slippage_bps))
    return _WIDE.divide(kept, Decimal(_ONE_IN_BPS)).quantize(_ATOM, ROUND_DOWN, _WIDE)
