"""What everything costs at a time, drawn from hashes: the same seed is the same market.

Any time can be asked for by itself; nothing is carried from block to block, and a chain that starts
again goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from devchain.genesis.plan import DlmmPlan, Market, PoolPlan, Token
from devchain.market.scenario import Scenario

# Slots between two points of a random line, and its weight: four lines make up a movement.
_LINES = ((16, 1), (128, 2), (1_024, 4), (8_192, 8))
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a market; `t` is slots since it began."""

    market: Market
    scenario: Scenario
    seed: int

    def usd(self, token: Token, t: int) -> Fraction:
        """Return what a token costs in dollars."""
        name = token.moves_as or token.symbol
        if name == "USD":
            return Fraction(token.usd)
        s = self.scenario
        wander = s.wander_bps * _movement(f"{self.seed}/{name}", t)
        rising = s.trend_slots - abs(t % (2 * s.trend_slots) - s.trend_slots)
        trend = s.trend_bps * Fraction(rising, s.trend_slots)
        gap = s.gap_bps * (t // s.gap_slots % 2)
        return Fraction(token.usd) * (10_000 + wander + trend + gap) / 10_000

    def pool(self, number: int, t: int) -> Fraction:
        """Return what a pool's price should be: atoms of token 1 (or Y) for one of token 0 (or X).

        Pools of both kinds are counted together, as `Market.all_pools` has them.
        """
        pool = self.market.all_pools[number]
        one, other = self.market.sides(pool)
        price = (
            self.usd(one, t) / self.usd(other, t) * Fraction(10) ** (other.decimals - one.decimals)
        )
        strays = self.scenario.spread_bps * _movement(f"{self.seed}/{_name(pool)}", t)
        return price * (10_000 + strays) / 10_000 * self._bogus(number, t)

    def _bogus(self, number: int, t: int) -> Fraction:
        turn = t // self.scenario.bogus_slots
        count = len(self.market.all_pools)
        if turn % count != number:
            return Fraction(1)
        factor = Fraction(self.scenario.bogus_factor)
        return factor if turn // count % 2 == 0 else 1 / factor


def _name(pool: PoolPlan | DlmmPlan) -> str:
    kind = pool.config if isinstance(pool, PoolPlan) else f"{pool.bin_step}/{pool.base_factor}"
    return f"{'/'.join(pool.pair)}/{kind}"


def _movement(key: str, t: int) -> Fraction:
    """Return a number from -1 to 1 that begins at 0 and changes little from slot to slot."""
    total = Fraction(0)
    for step, weight in _LINES:
        at, into = divmod(t, step)
        before, after = _point(key, step, at), _point(key, step, at + 1)
        total += Fraction(weight * (before * (step - into) + after * into), step * _MILLION)
    return total / sum(weight for _, weight in _LINES)


@lru_cache(maxsize=4_096)
def _point(key: str, step: int, at: int) -> int:
    if at <= 0:
        return 0
    drawn = sha256(f"{key}/{step}/{at}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") % (2 * _MILLION + 1) - _MILLION
