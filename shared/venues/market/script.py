"""A market that goes by a script: each token's price in time, and what venues make of it. Pure.

Times are in ms since the market began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from shared.venues.market.movements import Movement
from shared.venues.pricing import Priced, Terms

EVERY_VENUE = "*"
_BPS = 10_000


class Fault(StrEnum):
    """What may be wrong with a venue's quotes for a while. Its swaps pay the true price."""

    FREEZE = "freeze"  # Its quotes are those of the moment in which that began, and say so.
    DARK = "dark"  # It quotes nothing.
    BOGUS = "bogus"  # It quotes a price that is wrong by a factor.


class Pair(NamedTuple):
    """Two tokens, by their symbols: what is given, and what is got for it."""

    token_in: str
    token_out: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The pairs that something is about: all; those with `base`; or that of `base` and `quote`."""

    base: str = ""
    quote: str = ""

    def has(self, pair: Pair) -> bool:
        """Return whether a pair, in either direction, belongs to it."""
        if self.quote:
            return set(pair) == {self.base, self.quote}
        return not self.base or self.base in pair

    def times(self, factor: Decimal, pair: Pair) -> Decimal:
        """Return by what a rate changes when the base's price is `factor` times as high.

        Without a base, either direction pays so much more.
        """
        return 1 / factor if self.base and pair.token_out == self.base else factor


@dataclass(frozen=True, slots=True)
class Offset:
    """A base's price at a venue is off the market's by so many hundredths of a percent."""

    bps: Decimal
    scope: Scope


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of a venue from one moment up to another; `factor` is that of a bogus price."""

    fault: Fault
    from_ms: int
    to_ms: float
    scope: Scope
    factor: Decimal = Decimal(1)

    def holds(self, pair: Pair, t_ms: int) -> bool:
        """Return whether it is on."""
        return self.from_ms <= t_ms < self.to_ms and self.scope.has(pair)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueScript:
    """How one venue differs. `spread_bps` lies between its two prices, half on either side.

    What is None is as usual: no spread, and the venue's own terms.
    """

    offsets: tuple[Offset, ...] = ()
    spread_bps: Decimal | None = None
    fee_bps: Decimal | None = None
    depth_usd: Decimal | None = None
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a market does. A token without a movement stays at its usual price."""

    movements: Mapping[str, Movement] = field(default_factory=dict)
    venues: Mapping[str, VenueScript] = field(default_factory=dict)

    def of(self, venue: str) -> VenueScript:
        """Return what holds for a venue: its own words, or else those of `*`; faults of both."""
        own, all_ = (self.venues.get(name, _USUAL) for name in (venue, EVERY_VENUE))
        return VenueScript(
            offsets=own.offsets or all_.offsets,
            spread_bps=all_.spread_bps if own.spread_bps is None else own.spread_bps,
            fee_bps=all_.fee_bps if own.fee_bps is None else own.fee_bps,
            depth_usd=all_.depth_usd if own.depth_usd is None else own.depth_usd,
            troubles=all_.troubles + own.troubles,
        )

    def usd(self, token: str, usual: Decimal, t_ms: int) -> Decimal:
        """Return what a token costs."""
        movement = self.movements.get(token)
        return usual if movement is None else movement.usd(t_ms)


_USUAL = VenueScript()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One venue in a scripted market. `usual` are its terms but for what the script says."""

    script: Script
    here: VenueScript
    usual: Terms

    def pays(self, pair: Pair, usd: tuple[Decimal, Decimal], t_ms: int) -> Priced:
        """Return what a swap pays by; `usd` are the usual prices of the two tokens."""
        rate = 1 - (self.here.spread_bps or Decimal(0)) / (2 * _BPS)
        for offset in self.here.offsets:
            if offset.scope.has(pair):
                rate *= offset.scope.times(1 + offset.bps / _BPS, pair)
        return Priced(
            terms=self._terms(rate),
            usd_in=self.script.usd(pair.token_in, usd[0], t_ms),
            usd_out=self.script.usd(pair.token_out, usd[1], t_ms),
            luck=Decimal(0),
        )

    def quotes(self, pair: Pair, usd: tuple[Decimal, Decimal], t_ms: int) -> Priced | None:
        """Return what a quote goes by, or None where the venue quotes nothing."""
        on = [trouble for trouble in self.here.troubles if trouble.holds(pair, t_ms)]
        if any(trouble.fault is Fault.DARK for trouble in on):
            return None
        seen_ms = min((t.from_ms for t in on if t.fault is Fault.FREEZE), default=t_ms)
        priced = self.pays(pair, usd, seen_ms)
        rate = priced.terms.rate_min
        for trouble in on:
            if trouble.fault is Fault.BOGUS:
                rate *= trouble.scope.times(trouble.factor, pair)
        return priced._replace(terms=self._terms(rate), age_ms=t_ms - seen_ms)

    def _terms(self, rate: Decimal) -> Terms:
        usual, here = self.usual, self.here
        return Terms(
            rate_min=rate,
            rate_max=rate,
            fee_bps=usual.fee_bps if here.fee_bps is None else here.fee_bps,
            depth_usd=usual.depth_usd if here.depth_usd is None else here.depth_usd,
        )
