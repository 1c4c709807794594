"""Percentiles of what was measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` % of all do not exceed.

    `ordered` begins with the smallest and is not empty.
    """
    rank = max(1, ceil(len(ordered) * percent / 100))
    return ordered[rank - 1]
