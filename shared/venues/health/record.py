"""The record of a venue: what it is worth to be told something by it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from shared.venues.health.tally import (
    BOUNDS_MS,
    FAILED,
    LANDED,
    LANDING_MS,
    LOST,
    QUOTED,
    RATIO,
    REFUSED,
    WEIGHTS,
    WITHIN,
    WON,
)

HALF_LIFE_S: Final = 600.0
MOST_BPS: Final = 9_000
LEAST_BPS: Final = 10  # Less than that is chance.
_BPS: Final = 10_000
# What a venue without a record is thought to have behind it: a few routes alone prove little.
_LANDED_BEFORE: Final = 20
_TRIED_BEFORE: Final = 5


class Record(Struct, frozen=True, kw_only=True):
    """Counts fade: each halves every ten minutes. Times are in ms, None where nothing is known."""

    quoted: float
    refused: float
    failed: float
    won: float
    landed: float
    realised: float | None  # What was paid by what was quoted, on average.
    landing_ms: float | None
    lost: Mapping[str, float]
    quote_p50_ms: float | None
    quote_p99_ms: float | None
    discount_bps: int


def records(sums: Mapping[str, float]) -> dict[str, Record]:
    """Return the record of each venue, from faded sums by ``venue/field``."""
    by_venue: dict[str, dict[str, float]] = defaultdict(dict)
    for name, amount in sums.items():
        venue, _, field = name.rpartition("/")
        by_venue[venue][field] = amount
    return {venue: record(fields) for venue, fields in by_venue.items()}


def record(sums: Mapping[str, float]) -> Record:
    """Return the record that sums by field make."""

    def of(field: str) -> float:
        return sums.get(field, 0.0)

    landed = of(LANDED)
    lost = {f.removeprefix(LOST): amount for f, amount in sums.items() if f.startswith(LOST)}
    return Record(
        quoted=of(QUOTED),
        refused=of(REFUSED),
        failed=of(FAILED),
        won=of(WON),
        landed=landed,
        realised=of(RATIO) / landed if landed else None,
        landing_ms=of(LANDING_MS) / landed if landed else None,
        lost=lost,
        quote_p50_ms=_quantile(sums, 0.5),
        quote_p99_ms=_quantile(sums, 0.99),
        discount_bps=discount_bps(landed, of(RATIO), lost),
    )


def discount_bps(landed: float, ratios: float, lost: Mapping[str, float]) -> int:
    """Return by how much a venue's quotes count for less, in 0.01 %: 0 up to 9,000.

    ``max(0, landed - ratios) / (landed + 20) + (l / (landed + l + 5)) ** 3``, where `ratios` is
    the sum of paid by quoted, and l the weighted sum of routes that its venue has `lost`. The
    cube is why a few prices that have moved count for nothing, and a venue that never pays for
    everything.
    """
    short = max(0.0, landed - ratios) / (landed + _LANDED_BEFORE)
    weight = sum(WEIGHTS.get(reason, 0.0) * amount for reason, amount in lost.items())
    share = weight / (landed + weight + _TRIED_BEFORE)
    found = int(_BPS * (short + share**3))
    return min(found, MOST_BPS) if found >= LEAST_BPS else 0


def _quantile(sums: Mapping[str, float], part: float) -> float | None:
    """Return the bound within which such a part of the quotes came; the last one for more."""
    counts = [sums.get(f"{WITHIN}{bound}", 0.0) for bound in (*BOUNDS_MS, "")]
    whole = sum(counts)
    if not whole:
        return None
    seen = 0.0
    for bound, count in zip(BOUNDS_MS, counts, strict=False):
        seen += count
        if seen >= part * whole:
            return float(bound)
    return float(BOUNDS_MS[-1])
