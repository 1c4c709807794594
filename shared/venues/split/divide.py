"""Divide an amount over pools, so that the last atom earns about as much in each.

The sum of concave functions is greatest where their slopes are equal. So one price is looked for
at which the pools together take just the amount (docs/adr/0052): between two around it, by turns as
if all pools were constant products, which finds it at once where they are, and by halving.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import isqrt
from typing import Final

from msgspec import Struct

from shared.venues.onchain.offers import Offer
from shared.venues.onchain.pools import SCALE, NoSwap, Pool

_DOUBLINGS: Final = 256  # Of a price: more than lie between any two.
# Half of them halve the gap between two prices, one of them twice the other: a price that is wrong
# by 2^-36 of itself costs its square, less than an atom in of any pool that a chain can count.
_STEPS: Final = 72
_WIDE: Final = SCALE**4


class Part(Struct, frozen=True, kw_only=True):
    """A pool, its part of the amount in, and what it pays for that; in atoms."""

    pool: Pool
    amount_in: int
    offer: Offer


Division = Sequence[Part]


def amount_out(division: Division) -> int:
    """Return what all parts pay, in atoms."""
    return sum(part.offer.amount_out for part in division)


def divisions(pools: Sequence[Pool], amount_in: int, most: int) -> Iterator[Division]:
    """Yield the best divisions of `amount_in` atoms: over one pool, and over 2 up to `most`.

    Those over several have all their parts above 0, and come in no order; there are none where the
    pools together do not take the amount. Of more pools than a division may have, the one that
    takes least is left out, again and again.
    """
    price = SCALE
    if single := _single(pools, amount_in):
        yield [single]
        price = max(1, single.offer.amount_out * SCALE // amount_in)
    rest = list(pools)
    while len(rest) > 1:
        amounts = _amounts(rest, amount_in, price)
        taking = [pool for pool, amount in zip(rest, amounts, strict=True) if amount]
        if len(taking) < len(rest):
            rest = taking
            continue
        if len(rest) <= most and (division := _offered(rest, amounts)):
            yield division
        del rest[min(range(len(rest)), key=amounts.__getitem__)]


def _single(pools: Sequence[Pool], amount_in: int) -> Part | None:
    parts = [part for pool in pools for part in _offered([pool], [amount_in])]
    return max(
        parts, key=lambda part: (part.offer.amount_out, bytes(part.pool.address)), default=None
    )


def _offered(pools: Sequence[Pool], amounts: Sequence[int]) -> Division:
    """Return the parts, or none at all where one pool would refuse its own."""
    with suppress(NoSwap):
        return [
            Part(pool=pool, amount_in=amount, offer=pool.offer(amount))
            for pool, amount in zip(pools, amounts, strict=True)
        ]
    return []


def _amounts(pools: Sequence[Pool], amount_in: int, price: int) -> Sequence[int]:
    """Return what each pool takes of the amount, in their order; nothing where all take less.

    `price` is where to look first.
    """
    between = _between(pools, amount_in, price)
    if between is None:
        return [0] * len(pools)
    low, high = between
    for step in range(_STEPS):
        if min(low.total - amount_in, amount_in - high.total) <= len(pools):
            break
        middle = _Taken(pools, _nearer(low, high, amount_in) if step % 2 else _half(low, high))
        if middle.total < amount_in:
            high = middle
        else:
            low = middle
    return _filled(low, high, amount_in)


class _Taken:
    """Takes of all pools at a price."""

    def __init__(self, pools: Sequence[Pool], price: int) -> None:
        self.price = price
        self.amounts = [pool.takes(price) for pool in pools]
        self.total = sum(self.amounts)


def _between(pools: Sequence[Pool], amount_in: int, price: int) -> tuple[_Taken, _Taken] | None:
    """Return what they take at a price where that is the amount or more, and at one twice as high.

    There it is less. Returns None where it always is.
    """
    low, high = _Taken(pools, price), _Taken(pools, 2 * price)
    for _ in range(_DOUBLINGS):
        if low.total >= amount_in:
            break
        if low.price == 1:
            return None
        low, high = _Taken(pools, low.price // 2), low
    for _ in range(_DOUBLINGS):
        if high.total < amount_in:
            break
        low, high = high, _Taken(pools, 2 * high.price)
    return low, high


def _half(low: _Taken, high: _Taken) -> int:
    return (low.price + high.price) // 2


def _nearer(low: _Taken, high: _Taken, amount_in: int) -> int:
    """Return the price where the amount would be taken if all pools were constant products.

    They take ``(c / sqrt(price) - x) / kept``: a line over ``1 / sqrt(price)``.
    """
    begin, end = isqrt(_WIDE // high.price), isqrt(_WIDE // low.price)
    there = begin + (end - begin) * (amount_in - high.total) // (low.total - high.total)
    return min(max(_WIDE // there**2, low.price), high.price)


def _filled(low: _Taken, high: _Taken, amount_in: int) -> Sequence[int]:
    """Return what is taken in between, from the nearer of the two on.

    A pool that takes much more at the lower price, as one of bins does, has the difference.
    """
    is_low = low.total - amount_in < amount_in - high.total
    left = low.total - amount_in if is_low else amount_in - high.total
    amounts = list[int]()
    for most, least in zip(low.amounts, high.amounts, strict=True):
        moved = min(left, most - least)
        amounts.append(most - moved if is_low else least + moved)
        left -= moved
    return amounts
