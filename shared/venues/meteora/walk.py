"""The swap of a pool to the atom: `swap2` in exact integers, bin after bin.

Formulas: quote.rs of the SDK's commons. Recorded answers of the program tell the rest: which error
it gives, and when it notes the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from solders.pubkey import Pubkey

from shared.solana.sysvars import ChainClock
from shared.venues.meteora.accounts import BinArray, LbPair, Volatility
from shared.venues.meteora.bins import NoSwap, Offered, Taken, Terms, offered, take
from shared.venues.meteora.bitmap import array_of, next_array
from shared.venues.meteora.fees import accumulated, rate_of, referenced
from shared.venues.meteora.program import BINS

_U64: Final = 2**64
ENABLED: Final = 0  # Of `status`.
_OPENS_LATER: Final = (1, 2)  # Of `pair_type`: permission, and customizable permissionless.
_ONLY_Y: Final = 1  # Of `collect_fee_mode`; 0 is the token that comes in.


class Standing(Struct, frozen=True, kw_only=True):
    """A pool at a slot: its account, what lies in its reserves, in atoms, and its bins nearby."""

    address: Pubkey
    pair: LbPair
    reserves: tuple[int, int]
    arrays: Mapping[int, BinArray]


class Swapped(Struct, frozen=True, kw_only=True):
    """A swap's amounts in atoms, and where it leaves the pool.

    The fee is of the token that comes in, if `fee_on_input`, or else of the other; the protocol has
    its share of it. `bins` were traded in, and filled limit `orders` so many times; `arrays` are
    those that the program needs, in order.
    """

    side: int
    amount_in: int
    amount_out: int
    fee: int
    protocol_fee: int
    fee_on_input: bool
    active_id: int
    volatility: Volatility
    bins: int
    orders: int
    arrays: tuple[int, ...]


def swap(at: Standing, side: int, amount: int, clock: ChainClock) -> Swapped:
    """Return what the pool gives for `amount` of token `side`, 0 for X or 1 for Y.

    Raises `NoSwap` where the program would refuse it at that time.
    """
    pair = at.pair
    if not is_open(pair, clock):
        raise NoSwap("swaps are switched off, or have not begun", 6042)
    if amount <= 0:
        raise NoSwap("the amount is 0", 6002)
    if amount >= _U64:
        raise NoSwap("the amount is more than the chain can count")
    walk, parts = Walk(at, side, clock), list[Taken]()
    for found, terms in walk:
        parts.append(take(found, amount, terms))
        amount -= parts[-1].amount_in
        if not amount:
            break
    out = sum(part.amount_out for part in parts)
    if out <= 0:
        raise NoSwap("the amount is too small to get anything", 6039)
    if out > at.reserves[1 - side]:
        raise NoSwap("its reserve has less than its bins say", 1)
    moved = walk.active_id != pair.active_id
    return Swapped(
        side=side,
        amount_in=sum(part.amount_in for part in parts),
        amount_out=out,
        fee=sum(part.fee for part in parts),
        protocol_fee=sum(part.protocol_fee for part in parts),
        fee_on_input=walk.on_input,
        active_id=walk.active_id,
        volatility=replace(walk.volatility, updated=clock.unix_time) if moved else walk.volatility,
        bins=len(parts),
        orders=sum(part.orders for part in parts),
        arrays=tuple(walk.arrays),
    )


def is_open(pair: LbPair, clock: ChainClock) -> bool:
    """Return whether the program lets anybody swap at that time."""
    now = clock.unix_time if pair.by_time else clock.slot
    late_enough = pair.pair_type not in _OPENS_LATER or now >= pair.activation
    return pair.status == ENABLED and late_enough


class Walk:
    """The way of a swap from bin to bin: what each has, and the fee there. Once around only.

    `active_id`, `volatility` and `arrays` tell how far it has come. Raises `NoSwap` at its end.
    """

    def __init__(self, at: Standing, side: int, clock: ChainClock) -> None:
        self._at = at
        self._side = side
        self.on_input = at.pair.collect_fee_mode != _ONLY_Y or side == 1
        self.active_id = at.pair.active_id
        self.volatility = referenced(at.pair, clock.unix_time)
        self.arrays: list[int] = []

    def __iter__(self) -> Iterator[tuple[Offered, Terms]]:
        pair, side = self._at.pair, self._side
        while True:
            array = self._next_array()
            for bin_id in self._bins_of(array):
                self.active_id = bin_id
                found = offered(array, bin_id, pair, side)
                if found is not None:
                    self.volatility = accumulated(self.volatility, pair.fees, bin_id)
                    rate = rate_of(pair.fees, pair.bin_step, self.volatility)
                    yield found, Terms(side, rate, pair.fees.protocol_share, self.on_input)
            self.active_id += 1 if side else -1

    def _next_array(self) -> BinArray:
        index = next_array(self._at.pair.bitmap, array_of(self.active_id), self._side)
        if index is None:
            raise NoSwap("the amount is more than it has, or than its bitmap shows", 6036)
        array = self._at.arrays.get(index)
        if array is None:
            raise NoSwap(f"the amount takes bin array {index}, which is too far", 3005)
        self.arrays.append(index)
        return array

    def _bins_of(self, array: BinArray) -> range:
        """Return the array's bins from the active one on, or from the edge that is nearer."""
        first, last = array.index * BINS, array.index * BINS + BINS - 1
        start = min(max(self.active_id, first), last)
        return range(start, last + 1) if self._side else range(start, first - 1, -1)
