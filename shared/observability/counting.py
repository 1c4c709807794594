"""What this process has counted since the last time: few fields, to be added to all replicas'.

A field is an event's type, or a hop and the upper bound of a bucket of its times in seconds, as in
``routing<0.25``. It is read off the metrics, so counting costs orders nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from shared.observability import metrics
from shared.orders.dispatch import ENDS
from shared.orders.events import OrderConfirmed, OrderRouted, OrderSubmitted, TransactionSigned

EVENTS: Final = tuple(kind.__name__ for kind in (OrderSubmitted, *ENDS))
TOTAL: Final = "total"
# Hops by the event at which each ends; it begins at the event before.
_HOPS: Final = {
    OrderRouted.__name__: "routing",
    TransactionSigned.__name__: "building",
    OrderConfirmed.__name__: "submitted",
}
HOPS: Final = (*_HOPS.values(), TOTAL)


class Counting:
    """Takes what was counted since it was made, or taken last."""

    def __init__(self) -> None:
        self._before = _all()
        self._given_back: Counter[str] = Counter()

    def take(self) -> dict[str, int]:
        """Return the counts that are not 0, and begin anew."""
        now = _all()
        taken = self._given_back + (now - self._before)
        self._before, self._given_back = now, Counter()
        return dict(taken)

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Count again what could not be handed on."""
        self._given_back.update(taken)


def _all() -> Counter[str]:
    counts: Counter[str] = Counter()
    for sample in (sample for family in metrics.EVENTS.collect() for sample in family.samples):
        if (kind := sample.labels.get("type")) in EVENTS:
            counts[kind] += int(sample.value)
    for (kind,), buckets in metrics.HOP_SECONDS.counts().items():
        if hop := _HOPS.get(kind):
            _add(counts, hop, metrics.HOP_SECONDS.bounds, buckets)
    for buckets in metrics.ORDER_SECONDS.counts().values():
        _add(counts, TOTAL, metrics.ORDER_SECONDS.bounds, buckets)
    return counts


def _add(counts: Counter[str], hop: str, bounds: Sequence[float], buckets: Sequence[int]) -> None:
    for bound, count in zip((*bounds, math.inf), buckets, strict=True):
        if count:
            counts[f"{hop}<{bound:g}"] += count


class Times:
    """How long a hop took, by the counts of any replicas and seconds together."""

    def __init__(self, counts: Mapping[str, int], hop: str) -> None:
        prefix = f"{hop}<"
        found = {
            float(field.removeprefix(prefix)): count
            for field, count in counts.items()
            if field.startswith(prefix)
        }
        metric = metrics.ORDER_SECONDS if hop == TOTAL else metrics.HOP_SECONDS
        # Another version may have had other bounds.
        self._bounds = sorted({*metric.bounds, math.inf, *found})
        self._found = found
        self.count = sum(found.values())

    def quantile_ms(self, part: float) -> float | None:
        """Return within how many ms that part was done, None where there was nothing to do.

        Within a bucket times are taken to lie evenly, as Prometheus's `histogram_quantile` does;
        beyond the last bound, it is that bound.
        """
        if not self.count:
            return None
        rank, below = part * self.count, 0
        for low, high in pairwise((0.0, *self._bounds)):
            count = self._found.get(high, 0)
            if count and below + count >= rank:
                width = 0.0 if math.isinf(high) else high - low
                return round(1_000 * (low + width * (rank - below) / count), 1)
            below += count
        raise AssertionError("the ranks end with the last bucket")
