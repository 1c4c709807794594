"""What a venue is asked is measured by what came of it."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from shared.solana.rpc.errors import ChainAway
from shared.venues.measured import measured
from shared.venues.protocol import (
    FirewallRefused,
    InsufficientFunds,
    RouteGone,
    VenueRejected,
    VenueUnavailable,
    VenueUnreachable,
)

_OUTCOMES = (
    *("ok", "rejected", "gone", "no_funds", "firewall_refused"),
    *("unavailable", "unreachable", "too_slow", "error"),
)


def calls() -> dict[str, float]:
    name = "slipstream_venue_call_duration_seconds_count"
    labels = {"venue": "measured", "call": "build"}
    return {
        outcome: REGISTRY.get_sample_value(name, {**labels, "outcome": outcome}) or 0.0
        for outcome in _OUTCOMES
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (VenueRejected("no"), "rejected"),
        (RouteGone("the price moved"), "gone"),
        (InsufficientFunds("too little"), "no_funds"),
        (FirewallRefused("a theft"), "firewall_refused"),
        (VenueUnavailable("500"), "unavailable"),
        (VenueUnreachable("nobody"), "unreachable"),
        (ChainAway("no node answers"), "unreachable"),
        (TimeoutError(), "too_slow"),
        (KeyError("a bug"), "error"),
    ],
)
def test_a_call_counts_once_as_what_came_of_it(error: Exception | None, outcome: str) -> None:
    before = calls()

    def call() -> None:
        with measured("measured", "build"):
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            call()
    else:
        call()

    assert calls() == {**before, outcome: before[outcome] + 1}


def test_a_call_that_was_cancelled_says_nothing_of_the_venue() -> None:
    before = calls()

    with pytest.raises(asyncio.CancelledError), measured("measured", "build"):
        raise asyncio.CancelledError

    assert calls() == before
