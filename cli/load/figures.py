"""A load test in numbers, and whether they are good enough. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple, Self

from cli.load.tally import Tally
from cli.percentiles import percentile

POINTS = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
_LIMIT = re.compile(r"(end\.)?(p50|p90|p99|p99\.9|max)=(\d+(?:\.\d+)?)(ms|s)")
_STEPS = (1, 1.5, 2, 3, 5, 7)


class Bucket(NamedTuple):
    """How many took at most `up_to_ms`, and longer than the bucket before."""

    up_to_ms: float
    orders: int


class Limit(NamedTuple):
    """A time that a percentile must not exceed. `series` is "answer" or "end"."""

    text: str
    series: str
    point: str
    ms: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `p99=250ms` or `end.p99=5s`. Raises `ValueError` that says what is right."""
        found = _LIMIT.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} must be like p99=250ms or end.p99.9=5s")
        end, point, number, unit = found.groups()
        ms = float(number) * (1_000 if unit == "s" else 1)
        return cls(text, "end" if end else "answer", point, ms)


class Figures(NamedTuple):
    """What was measured, in milliseconds. A series without any measurement is left out."""

    elapsed_s: float
    sent: int
    accepted: int
    accepted_per_s: float
    under_way: int
    errors: dict[str, int]
    outcomes: dict[str, int]
    latency_ms: dict[str, dict[str, float]]
    histogram: dict[str, list[Bucket]]

    def broken(self, limits: Sequence[Limit], max_errors: int = 0) -> list[str]:
        """Return what is not good enough, in words."""
        found = [words for limit in limits if (words := self._broken(limit))]
        errors = sum(self.errors.values())
        if errors > max_errors:
            found.append(f"{errors:,} errors, {max_errors:,} allowed")
        if not self.accepted:
            found.append("no order was accepted")
        return found

    def _broken(self, limit: Limit) -> str:
        measured = self.latency_ms.get(limit.series)
        if measured is None:
            return f"{limit.text}: nothing was measured"
        ms = measured[limit.point]
        return f"{limit.text}: it is {ms:,.1f} ms" if ms > limit.ms else ""


def figures(tally: Tally, elapsed_s: float) -> Figures:
    """Return the numbers of a load test as it stands."""
    times = {"answer": tally.answer_ms, "end": tally.end_ms, "late": tally.late_ms}
    ordered = {name: sorted(ms) for name, ms in times.items() if ms}
    return Figures(
        elapsed_s=elapsed_s,
        sent=tally.sent,
        accepted=len(tally.answer_ms),
        accepted_per_s=len(tally.answer_ms) / tally.answering_s if tally.answering_s else 0.0,
        under_way=tally.under_way,
        errors=dict(tally.errors.most_common()),
        outcomes=dict(tally.outcomes.most_common()),
        latency_ms={name: points(ms) for name, ms in ordered.items()},
        histogram={name: histogram(ms) for name, ms in ordered.items() if name != "late"},
    )


def points(ordered: Sequence[float]) -> dict[str, float]:
    """Return the percentiles of what is not empty and begins with the smallest."""
    return {name: round(percentile(ordered, percent), 3) for name, percent in POINTS.items()}


def histogram(ordered: Sequence[float]) -> list[Bucket]:
    """Return how often each time was taken, in buckets up to 1, 1.5, 2, 3, 5, 7, 10 ... ms."""
    buckets: list[Bucket] = []
    counted = 0
    edges = (step * 10.0**power for power in count(-1) for step in _STEPS)
    while counted < len(ordered):
        edge = next(edges)
        upto = bisect_right(ordered, edge)
        if upto:
            buckets.append(Bucket(edge, upto - counted))
        counted = upto
    return buckets


def as_json(found: Figures, broken: Sequence[str]) -> dict[str, Any]:
    """Return the whole result as one JSON object."""
    return {
        "ok": not broken,
        "elapsedS": round(found.elapsed_s, 3),
        "sent": found.sent,
        "accepted": found.accepted,
        "underWay": found.under_way,
        "acceptedPerS": round(found.accepted_per_s, 1),
        "errors": found.errors,
        "outcomes": found.outcomes,
        "latencyMs": found.latency_ms,
        "histogram": {
            name: [{"upToMs": one.up_to_ms, "orders": one.orders} for one in buckets]
            for name, buckets in found.histogram.items()
        },
        "broken": list(broken),
    }
