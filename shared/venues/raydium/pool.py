"""A pool of Raydium's in one direction, as everybody knows pools."""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from math import isqrt
from typing import Final

from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.firewall.allowed import SwapDecoder
from shared.solana.terms import Terms
from shared.venues.onchain.offers import Offer
from shared.venues.onchain.pools import SCALE
from shared.venues.raydium.curve import (
    MILLION,
    NoSwap,
    Standing,
    fee_bps,
    is_open,
    mid_price,
    price_impact_bps,
    rates,
    swap,
)
from shared.venues.raydium.instruction import SwapReader, swap_base_input
from shared.venues.raydium.program import SLIPPAGE_EXCEEDED

_UNITS: Final = 80_000
_READER: Final = SwapReader()


class CpmmPool(Struct, frozen=True, kw_only=True):
    """A constant-product pool in which token `side` comes in, at `unix_time`, in seconds."""

    venue: str
    address: Pubkey
    standing: Standing
    side: int
    unix_time: int
    units: int = _UNITS
    reader: SwapDecoder = _READER
    slippage: int = SLIPPAGE_EXCEEDED

    @property
    def written(self) -> tuple[Pubkey, ...]:
        """Return the pool and its vaults."""
        return (self.address, *self.standing.pool.vaults)

    @property
    def price(self) -> Fraction:
        """Return the mid price."""
        if not is_open(self.standing, self.unix_time):
            return Fraction()
        try:
            return mid_price(self.standing, self.side)
        except NoSwap:
            return Fraction()

    @property
    def depth(self) -> int:
        """Return the reserve of the token in."""
        return self.standing.reserve(self.side)

    def offer(self, amount_in: int) -> Offer:
        """Return what the program would pay, to the atom."""
        swapped = swap(self.standing, self.side, amount_in, self.unix_time)
        return Offer(
            amount_out=swapped.amount_out,
            fee_bps=fee_bps(swapped),
            price_impact_bps=price_impact_bps(self.standing, swapped),
        )

    def takes(self, price: int) -> int:
        """Return ``(sqrt(kept_in * kept_out * x * y / price) - x) / kept_in``.

        The curve is ``y * net / (x + net)``, and its slope ``x * y / (x + net)^2``. So much as
        ``kept_in`` of an atom comes to it, and ``kept_out`` of what it gives is paid.
        """
        x, y = self.standing.reserve(self.side), self.standing.reserve(1 - self.side)
        kept_in, kept_out = (MILLION - rate for rate in rates(self.standing, self.side))
        if min(x, y, kept_in, kept_out) <= 0 or not is_open(self.standing, self.unix_time):
            return 0
        net = isqrt(kept_in * kept_out * x * y * SCALE // (price * MILLION**2)) - x
        return max(0, net * MILLION // kept_in)

    def shape(self, amount_in: int) -> Hashable:  # noqa: ARG002 - all amounts are alike
        """Return the pool and its direction."""
        return (self.address, self.side)

    def swap(self, terms: Terms) -> Instruction:
        """Return `swap_base_input`."""
        return swap_base_input(terms, self.address, self.standing.pool, self.side)
