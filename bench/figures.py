"""Numbers out of numbers: percentiles, medians and ratios. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from cli.percentiles import percentile

_POINTS = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9, "max": 100.0}


class Ratio(NamedTuple):
    """Ours over the peer's, over the pairs of one run."""

    median: float
    least: float
    most: float
    pairs: int


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return how many values there are, and their percentiles if there are any."""
    if not values:
        return {"n": 0}
    ordered = sorted(values)
    points = {name: round(percentile(ordered, at), 3) for name, at in _POINTS.items()}
    return {"n": len(ordered), **points}


def ratio(ours: Sequence[float], peers: Sequence[float]) -> Ratio | None:
    """Return the ratio of each turn of ours to the peer's turn beside it, put together.

    None when there is no pair, or the peer's value is zero in one.
    """
    pairs = list(zip(ours, peers, strict=False))
    if not pairs or any(not peer for _, peer in pairs):
        return None
    ratios = [our / peer for our, peer in pairs]
    return Ratio(median(ratios), min(ratios), max(ratios), len(ratios))


def middle(values: Sequence[float]) -> float | None:
    """Return the median, or None of nothing."""
    return median(values) if values else None


def series(turns: Sequence[Mapping[str, Any]], row: str, system: str, figure: str) -> list[float]:
    """Return one figure of every turn of one system in one row, in the order they were made."""
    return [
        float(turn[figure])
        for turn in turns
        if turn["row"] == row and turn["system"] == system and turn.get(figure) is not None
    ]
