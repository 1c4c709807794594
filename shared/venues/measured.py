"""Measure what venues are asked."""

from __future__ import annotations

import time
from types import TracebackType

from shared.errors import ServerAway
from shared.observability import metrics
from shared.venues.protocol import (
    BuildFailed,
    FirewallRefused,
    InsufficientFunds,
    RouteGone,
    VenueRejected,
    VenueUnavailable,
)

_OUTCOMES: dict[type[Exception], str] = {
    VenueRejected: "rejected",
    FirewallRefused: "firewall_refused",
    InsufficientFunds: "no_funds",
    RouteGone: "gone",
    BuildFailed: "failed",
    VenueUnavailable: "unavailable",
    TimeoutError: "too_slow",
}


class measured:  # noqa: N801 - used as a function is
    """Note how long one call of a venue took and what came of it, unless it was cancelled."""

    __slots__ = ("_call", "_started", "_venue")

    def __init__(self, venue: str, call: str) -> None:
        self._venue = venue
        self._call = call
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            outcome = "ok"
        elif issubclass(kind, Exception):
            away = "unreachable" if issubclass(kind, ServerAway) else "error"
            outcome = _OUTCOMES.get(kind, away)
        else:
            return
        spent = time.perf_counter() - self._started
        metrics.series(metrics.VENUE_SECONDS, self._venue, self._call, outcome).observe(spent)
