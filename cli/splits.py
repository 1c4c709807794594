"""A swap over several pools in words. Pure."""

from __future__ import annotations

from decimal import Decimal

from slipstream import Quote


def words(quote: Quote, amount_in: Decimal, token_out: str) -> str:
    """Return how a quote is divided, and what that is good for; nothing for one of one pool."""
    if not quote.legs:
        return ""
    legs = [
        f"{leg.venue} {_short(leg.pool)} {100 * leg.amount_in / amount_in:.1f} %"
        for leg in quote.legs
    ]
    said = f"over {len(legs)} pools ({', '.join(legs)})"
    if (single := quote.best_single) is None:
        return f"{said}, and no pool alone takes it"
    more = (quote.amount_out - quote.network_fee) - (single.amount_out - single.network_fee)
    alone = f"{single.venue} {_short(single.pool)} alone"
    return f"{said}, {more.normalize():f} {token_out} more after all fees than {alone}"


def _short(address: str) -> str:
    return f"{address[:4]}…{address[-4:]}"
