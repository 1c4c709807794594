"""Measure what venues are asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared import metrics
from shared.venues.protocol import VenueRejected, VenueUnavailable, VenueUnreachable

_OUTCOMES: dict[type[Exception], str] = {
    VenueRejected: "rejected",
    VenueUnavailable: "unavailable",
    VenueUnreachable: "unreachable",
    TimeoutError: "too_slow",
}


@contextmanager
def measured(venue: str, call: str) -> Iterator[None]:
    """Note how long one call of a venue took and what came of it, unless it was cancelled."""
    started = time.perf_counter()
    outcome = "ok"
    try:
        yield
    except Exception as error:
        outcome = _OUTCOMES.get(type(error), "error")
        raise
    except BaseException:
        outcome = ""
        raise
    finally:
        if outcome:
            spent = time.perf_counter() - started
            metrics.of(metrics.VENUE_SECONDS, venue, call, outcome).observe(spent)
