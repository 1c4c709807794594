"""How a token's price moves in time. Pure: the same question has the same answer everywhere.

Times are in ms since the market began, prices in US dollars.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

# Steps between two points of a wandering line, and the line's weight: four make up a walk.
_LINES = ((1, 1), (8, 2), (64, 4), (512, 8))
_WEIGHTS = sum(weight for _, weight in _LINES)
_HALF = 2**31
_SMALLEST = Decimal("1e-15")
_TURN = Decimal("6.283185307179586476925286767")  # Two pi.


class Movement(Protocol):
    """A price in time."""

    def usd(self, t_ms: int) -> Decimal:
        """Return the price at a time from 0 on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A price that is given at points `(ms, usd)`, in the order of their times.

    Between two points it goes in a line, or stays until the next one if `stepwise`. Before the
    first point it is the first one's, after the last the last one's. One that `repeats` begins
    again there.
    """

    points: tuple[tuple[int, Decimal], ...]
    stepwise: bool = False
    repeats: bool = False

    def usd(self, t_ms: int) -> Decimal:
        """Return the price at a time from 0 on."""
        if self.repeats:
            t_ms %= self.points[-1][0]
        following = bisect_right(self.points, t_ms, key=lambda point: point[0])
        if following == 0:
            return self.points[0][1]
        began, before = self.points[following - 1]
        if self.stepwise or following == len(self.points):
            return before
        ends, after = self.points[following]
        return before + (after - before) * (t_ms - began) / (ends - began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sine:
    """A price that swings around `mean`, by up to `swing` times it, once each `period_ms`.

    It begins at the mean, and rises.
    """

    mean: Decimal
    swing: Decimal
    period_ms: int

    def usd(self, t_ms: int) -> Decimal:
        """Return the price at a time from 0 on."""
        turned = Decimal(t_ms % self.period_ms) / self.period_ms
        return self.mean * (1 + self.swing * _sine(turned))


def _sine(turned: Decimal) -> Decimal:
    """Return the sine of a part of a turn, from 0 up to 1."""
    # By its series, and not by the C library's: machines differ in the last digit of that.
    x = (turned if turned < Decimal("0.5") else turned - 1) * _TURN
    term = total = x
    n = 1
    while abs(term) > _SMALLEST:
        term = -term * x * x / ((n + 1) * (n + 2))
        total += term
        n += 2
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A price that goes its own way, never farther than `within` times `start` from it.

    It begins at `start`. Each `every_ms` has a point of its own, drawn from `seed` and the time
    alone, with lines between.
    """

    seed: str
    start: Decimal
    within: Decimal
    every_ms: int

    def usd(self, t_ms: int) -> Decimal:
        """Return the price at a time from 0 on."""
        strayed = Decimal(0)
        for steps, weight in _LINES:
            length = steps * self.every_ms
            at, into = divmod(t_ms, length)
            before, after = _drawn(self.seed, steps, at), _drawn(self.seed, steps, at + 1)
            strayed += weight * (before + (after - before) * into / length)
        return self.start * (1 + self.within * strayed / _WEIGHTS)


@lru_cache(maxsize=4_096)
def _drawn(seed: str, steps: int, at: int) -> Decimal:
    """Return a number from -1 up to 1; 0 at the beginning."""
    if at == 0:
        return Decimal(0)
    digest = blake2b(f"{seed}\0{steps}\0{at}".encode(), digest_size=4).digest()
    return (Decimal(int.from_bytes(digest, "big")) - _HALF) / _HALF
