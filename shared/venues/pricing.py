"""What a simulated venue pays. Pure: chance comes in as `luck`, a number from 0 up to 1."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

_SMALLEST = Decimal("0.000000001")
_BPS = 10_000
_NETWORK_FEE_USD = Decimal("0.00075")  # 5,000 lamports, as on Solana, at 150 USD a SOL.


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a venue prices.

    Its rate lies between `rate_min` and `rate_max` times the mid price. `depth_usd` is the
    value of either side of each of its pools.
    """

    rate_min: Decimal
    rate_max: Decimal
    fee_bps: Decimal
    depth_usd: Decimal


class Priced(NamedTuple):
    """The price that a venue goes by: the arguments of `offer`, and how old it is, in ms."""

    terms: Terms
    usd_in: Decimal
    usd_out: Decimal
    luck: Decimal
    age_ms: int = 0

    def offer(self, amount_in: Decimal) -> Offer:
        """Return what a swap of an amount would pay."""
        return offer(
            self.terms, amount_in, usd_in=self.usd_in, usd_out=self.usd_out, luck=self.luck
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a swap would pay, after fee and price impact, in units of the token out.

    `network_fee`, in the same units, is not yet taken off.
    """

    amount_out: Decimal
    network_fee: Decimal
    price_impact_bps: Decimal


def offer(
    terms: Terms, amount_in: Decimal, *, usd_in: Decimal, usd_out: Decimal, luck: Decimal
) -> Offer:
    """Return what a constant-product pool with these terms pays for an amount.

    `usd_in` and `usd_out` are the mid prices of the two tokens in USD.
    """
    rate = usd_in / usd_out * (terms.rate_min + (terms.rate_max - terms.rate_min) * luck)
    swapped = amount_in * (1 - terms.fee_bps / _BPS)
    reserve = terms.depth_usd / usd_in
    return Offer(
        amount_out=_rounded(swapped * reserve / (reserve + swapped) * rate),
        network_fee=_rounded(_NETWORK_FEE_USD / usd_out),
        price_impact_bps=_rounded(_BPS * swapped / (reserve + swapped)),
    )


def drifted(quoted_out: Decimal, luck: Decimal, most_bps: int) -> Decimal:
    """Return what a quote has become when it lands: up to `most_bps` less or more."""
    return _rounded(quoted_out * (1 + (2 * luck - 1) * most_bps / _BPS))


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_SMALLEST, ROUND_DOWN)
