"""Divide an amount over pools, so that the last atom earns about as much in each.

The sum of concave functions is greatest where their slopes are equal. So one price is looked for,
by halving, at which the pools together take just the amount (docs/adr/0052).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from shared.venues.onchain.offers import Offer
from shared.venues.onchain.pools import SCALE, NoSwap, Pool

_DOUBLINGS: Final = 256  # Of a price: more than lie between any two.
# Of the gap between two prices, one of them twice the other: a price that is wrong by 2^-36 of
# itself costs its square, less than an atom in of any pool that a chain can count.
_HALVINGS: Final = 36


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


def _amounts(pools: Sequence[Pool], amount_in: int, price: int) -> list[int]:
    """Return what each pool takes of the amount, in their order; nothing where all take less.

    `price` is where to look first.
    """
    low, high = _between(pools, amount_in, price)
    if not low:
        return [0] * len(pools)
    for _ in range(_HALVINGS):
        middle = (low + high) // 2
        if _taken(pools, middle) < amount_in:
            high = middle
        else:
            low = middle
    amounts = [pool.takes(high) for pool in pools]
    left = amount_in - sum(amounts)
    for at, pool in enumerate(pools):
        # The price lies between these two: whoever takes more at the lower has the rest.
        more = min(left, pool.takes(low) - amounts[at])
        amounts[at] += more
        left -= more
    return amounts


def _between(pools: Sequence[Pool], amount_in: int, price: int) -> tuple[int, int]:
    """Return a price at which the pools take the amount or more, and one at which they take less.

    The second is about twice the first, which is 0 where they never take it.
    """
    low, high = price, 2 * price
    for _ in range(_DOUBLINGS):
        if not low or _taken(pools, low) >= amount_in:
            break
        low, high = low // 2, low
    for _ in range(_DOUBLINGS):
        if not low or _taken(pools, high) < amount_in:
            break
        low, high = high, 2 * high
    return low, high


def _taken(pools: Sequence[Pool], price: int) -> int:
    return sum(pool.takes(price) for pool in pools)
