"""A pool of Meteora's in one direction, as everybody knows pools."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple

from msgspec import Struct
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from shared.solana.firewall.allowed import SwapDecoder
from shared.solana.sysvars import ChainClock
from shared.solana.terms import Terms
from shared.venues.meteora.bins import NoSwap, room
from shared.venues.meteora.bitmap import arrays_from, to_edge
from shared.venues.meteora.figures import fee_bps, mid_price, price_impact_bps
from shared.venues.meteora.instruction import SwapReader, swap2
from shared.venues.meteora.program import SLIPPAGE_EXCEEDED
from shared.venues.meteora.walk import Standing, Swapped, Walk, is_open, swap
from shared.venues.onchain.offers import Offer
from shared.venues.onchain.pools import SCALE

NEARBY: Final = 3  # Bin arrays of a swap: more take more compute units than there may be.
_UNITS: Final = 80_000
_READER: Final = SwapReader()
_ALIKE_BITS: Final = 4  # Swaps are alike whose numbers of bins have these first bits in common.


class _Ladder(NamedTuple):
    """The bins of a way: the price of each, negated, and what is in once it is empty."""

    prices: Sequence[int]
    amounts: Sequence[int]


class DlmmPool(Struct, frozen=True, kw_only=True, dict=True):
    """A pool of bins in which token `side` comes in, 0 for X or 1 for Y, as of a time."""

    venue: str
    standing: Standing
    side: int
    clock: ChainClock
    units: int = _UNITS
    reader: SwapDecoder = _READER
    slippage: int = SLIPPAGE_EXCEEDED

    @property
    def address(self) -> Pubkey:
        """Return the LbPair's address."""
        return self.standing.address

    @property
    def written(self) -> tuple[Pubkey, ...]:
        """Return the pool and its reserves."""
        return (self.address, *self.standing.pair.reserves)

    @property
    def price(self) -> Fraction:
        """Return the price of the active bin."""
        if not is_open(self.standing.pair, self.clock):
            return Fraction()
        return mid_price(self.standing.pair, self.side)

    @property
    def depth(self) -> int:
        """Return the reserve of the token in."""
        return self.standing.reserves[self.side]

    def offer(self, amount_in: int) -> Offer:
        """Return what the program would pay, to the atom."""
        swapped = self._swapped(amount_in)
        return Offer(
            amount_out=swapped.amount_out,
            fee_bps=fee_bps(swapped),
            price_impact_bps=price_impact_bps(self.standing.pair, swapped),
        )

    def takes(self, price: int) -> int:
        """Return all that the bins take until the first of them that pays less, fee taken off."""
        if not is_open(self.standing.pair, self.clock):
            return 0
        at = bisect_right(self._ladder.prices, -price)
        return self._ladder.amounts[at - 1] if at else 0

    def shape(self, amount_in: int) -> Hashable:
        """Return the pool, its direction, and about how many bins and limit orders are filled.

        A bin more takes some 5,300 compute units, and limits leave room for some more bins.
        """
        swapped = self._swapped(amount_in)
        return (self.address, self.side, _about(swapped.bins), _about(swapped.orders))

    def swap(self, terms: Terms) -> Instruction:
        """Return `swap2`."""
        arrays = self.arrays(terms.amount_in)
        return swap2(terms, self.address, self.standing.pair, arrays)

    def arrays(self, amount_in: int) -> tuple[int, ...]:
        """Return the bin arrays of a swap, and those next to them as long as they are few.

        The price may move on before the swap lands, and a swap that lacks an array fails. The
        program passes over those that it does not need, and never goes back to one. More would take
        the room of another pool in the transaction.
        """
        pair, swapped = self.standing.pair, self._swapped(amount_in)
        needed, more = swapped.arrays, list[tuple[int, int]]()
        for array in arrays_from(pair, self.side, len(needed) + 1)[len(needed) :]:
            more.append((to_edge(swapped.active_id, self.side), array))
        for array in arrays_from(pair, 1 - self.side, 2):
            if array not in needed:
                more.append((to_edge(pair.active_id, 1 - self.side), array))
        nearest = [array for _, array in sorted(more)[: max(0, NEARBY - len(needed))]]
        return tuple(sorted((*needed, *nearest), reverse=self.side == 0))

    def _swapped(self, amount_in: int) -> Swapped:
        return swap(self.standing, self.side, amount_in, self.clock)

    @cached_property
    def _ladder(self) -> _Ladder:
        prices, amounts = list[int](), list[int]()
        with suppress(NoSwap):  # The way ends where no more is known.
            for found, terms in Walk(self.standing, self.side, self.clock):
                price, amount = room(found, terms, SCALE)
                # Whoever comes to a bin has come through those before it, however dear they were.
                prices.append(max(-price, prices[-1] if prices else -price))
                amounts.append(amount)
        return _Ladder(prices, list(accumulate(amounts)))


def _about(number: int) -> int:
    """Return a number by its first bits, and without the last one at least."""
    shift = max(1, number.bit_length() - _ALIKE_BITS)
    return number >> shift << shift
