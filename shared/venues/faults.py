"""Faults on demand: what a simulated venue does wrong, and how often."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeAlias

from shared.settings import InvalidSettings
from shared.venues.chance import Chance
from shared.venues.protocol import VenueRejected, VenueUnavailable, VenueUnreachable

EVERY_VENUE = "*"


class Fault(StrEnum):
    """Something that can go wrong at a venue."""

    UNREACHABLE = "unreachable"  # On any call.
    OUTAGE = "outage"  # From any call on, for a while.
    QUOTE_SILENCE = "quote_silence"  # No answer, ever: the caller's deadline has to cut it.
    QUOTE_ERROR = "quote_error"
    QUOTE_REJECTED = "quote_rejected"
    QUOTE_STALE = "quote_stale"  # It has expired when it comes.
    BUILD_REJECTED = "build_rejected"
    SEND_ERROR = "send_error"  # The chain never sees the transaction.
    SEND_LOST = "send_lost"  # All seems well, and the chain never sees the transaction.
    SEND_LOST_REPLY = "send_lost_reply"  # The chain has it, the caller is told of an error.
    NEVER_LANDS = "never_lands"  # Taken and forgotten: the chain never knows of it.
    LANDS_LATE = "lands_late"  # After ten times the usual delay.
    FAILS_ON_CHAIN = "fails_on_chain"
    SLIPPAGE_EXCEEDED = "slippage_exceeded"
    NODE_LAGS = "node_lags"  # It answers as of 50 blocks ago.
    NODE_FORGETS = "node_forgets"  # Status is `Unknown` of everything, landed or not.
    HISTORY_PRUNED = "history_pruned"  # A search finds nothing in blocks that are gone.


RateLimits: TypeAlias = Mapping[Fault, Decimal]

_NEWS: dict[Fault, type[Exception]] = {
    Fault.UNREACHABLE: VenueUnreachable,
    Fault.QUOTE_ERROR: VenueUnavailable,
    Fault.QUOTE_REJECTED: VenueRejected,
    Fault.BUILD_REJECTED: VenueRejected,
    Fault.SEND_ERROR: VenueUnavailable,
    Fault.SEND_LOST_REPLY: VenueUnavailable,
}


class Faults:
    """One venue's faults. Every call draws anew, so that a second attempt may go well."""

    def __init__(self, rates: RateLimits, chance: Chance) -> None:
        self._rates = rates
        self._chance = chance
        self._draws = itertools.count()

    def strikes(self, fault: Fault) -> bool:
        """Return whether the fault happens now."""
        rate = self._rates.get(fault)
        return rate is not None and self._chance.of(fault, str(next(self._draws))) < rate

    def provoke(self, *faults: Fault) -> None:
        """Raise the bad news of the first of these faults that happens now, if any does."""
        for fault in faults:
            if self.strikes(fault):
                raise _NEWS[fault](f"simulated {fault}")


def parse_faults(text: str) -> dict[str, RateLimits]:
    """Return each venue's rates from `venue.fault=probability` with commas between.

    The venue `*` stands for all; see `rates_of`. Raises `InvalidSettings` naming the wrong part.
    """
    faults: dict[str, dict[Fault, Decimal]] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        venue, fault, rate = _parsed(part)
        faults.setdefault(venue, {})[fault] = rate
    return dict(faults)


def rates_of(venue: str, faults: Mapping[str, RateLimits]) -> RateLimits:
    """Return what holds for one venue: its own rate of a fault goes before that of `*`."""
    return {**faults.get(EVERY_VENUE, {}), **faults.get(venue, {})}


def _parsed(part: str) -> tuple[str, Fault, Decimal]:
    target, _, probability = part.partition("=")
    venue, _, name = target.strip().partition(".")
    if not (venue and name and probability):
        raise _wrong(part, "is not venue.fault=probability")
    return venue, _fault(part, name), _probability(part, probability)


def _fault(part: str, name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        raise _wrong(part, f"names no fault; there are {', '.join(Fault)}") from None


def _probability(part: str, text: str) -> Decimal:
    try:
        rate = Decimal(text.strip())
        if 0 <= rate <= 1:
            return rate
    except InvalidOperation:  # Not a number, in words or as `nan`.
        pass
    raise _wrong(part, "has no probability from 0 to 1")


def _wrong(part: str, why: str) -> InvalidSettings:
    return InvalidSettings(f"VENUE_FAULTS: {part!r} {why}")
