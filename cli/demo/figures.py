"""The demo in numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from cli.check import Check
from cli.demo.journey import Journey
from cli.percentiles import percentile
from slipstream import Event

# Consecutive events, and what the time between them is called.
_HOPS = {
    ("OrderSubmitted", "RoutingStarted"): "submitted to routing",
    ("RoutingStarted", "OrderRouted"): "routing to routed",
    ("OrderRouted", "TransactionSigned"): "routed to signed",
    ("TransactionSigned", "TransactionSent"): "signed to sent",
    ("TransactionSent", "OrderConfirmed"): "sent to confirmed",
}


class Latency(NamedTuple):
    """How long something took, in milliseconds."""

    p50: float
    p99: float


class Figures(NamedTuple):
    """What came of the orders. `latency_ms` is by hop, in the order of the journey."""

    outcomes: dict[str, int]
    venues: dict[str, int]
    latency_ms: dict[str, Latency]


def figures(journeys: Sequence[Journey]) -> Figures:
    """Return the numbers of a finished demo."""
    ends = [journey.end for journey in journeys]
    return Figures(
        outcomes=_counted(journey.status for journey in journeys),
        venues=_counted(
            end.venue for end in ends if end and end.venue and end.status == "confirmed"
        ),
        latency_ms={name: _latency(times) for name, times in _times(journeys).items() if times},
    )


def _counted(names: Any) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _times(journeys: Sequence[Journey]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"POST to 202": []}
    times |= {name: [] for name in _HOPS.values()}
    times["POST to confirmed, as the client saw it"] = []
    for journey in journeys:
        if journey.accepted_at is not None:
            times["POST to 202"].append(1_000 * (journey.accepted_at - journey.posted_at))
        for name, ms in _hops(journey.updates):
            times[name].append(ms)
        if journey.status == "confirmed" and journey.ended_at is not None:
            times["POST to confirmed, as the client saw it"].append(
                1_000 * (journey.ended_at - journey.posted_at)
            )
    return times


def _hops(updates: Sequence[Event]) -> list[tuple[str, float]]:
    return [
        (_HOPS[pair], 1_000 * (after.at - before.at).total_seconds())
        for before, after in pairwise(updates)
        if (pair := (before.type, after.type)) in _HOPS
    ]


def _latency(times: Sequence[float]) -> Latency:
    ordered = sorted(times)
    return Latency(p50=round(percentile(ordered, 50), 1), p99=round(percentile(ordered, 99), 1))


def as_json(found: Figures, checks: Sequence[Check], elapsed_s: float) -> dict[str, Any]:
    """Return the whole result as one JSON object."""
    return {
        "ok": all(check.holds for check in checks),
        "orders": sum(found.outcomes.values()),
        "elapsedS": round(elapsed_s, 1),
        "outcomes": found.outcomes,
        "venues": found.venues,
        "latencyMs": {name: one._asdict() for name, one in found.latency_ms.items()},
        "checks": [
            {"claim": check.claim, "holds": check.holds, "broken": check.broken} for check in checks
        ],
    }
