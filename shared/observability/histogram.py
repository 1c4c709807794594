"""A histogram for what is observed twenty times an order.

prometheus_client's own takes a lock for each number it adds to. Here whoever observes is the event
loop, and the thread that answers Prometheus only reads.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Series:
    """What was observed with the same labels."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, amount: float) -> None:
        """Count an amount, in the first bucket whose bound is not below it."""
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    @contextmanager
    def time(self) -> Iterator[None]:
        """Observe how many seconds something takes, also if it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - began)

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """Return how many amounts were no higher than each bound, and the sum of all."""
        bounds = map(floatToGoString, (*self._bounds, math.inf))
        return list(zip(bounds, accumulate(self._counts), strict=True)), self._sum

    def counts(self) -> list[int]:
        """Return how many amounts lie in each bucket, those beyond the last bound at the end."""
        return list(self._counts)

    @property
    def total(self) -> float:
        """Return the sum of all amounts."""
        return self._sum


class Histogram(Collector):
    """A histogram of Prometheus, with the names of its labels if it has any."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """`buckets` are their upper bounds, rising. Without labels it is shown from the start."""
        self._name = name
        self._documentation = documentation
        self._labelnames = tuple(labelnames)
        self.bounds = tuple(float(bound) for bound in buckets)
        self._series: dict[tuple[str, ...], Series] = {}
        if not self._labelnames:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> Series:
        """Return the series with these labels. Raises `ValueError` for more or fewer of them."""
        if len(values) != len(self._labelnames):
            raise ValueError(f"{self._name} has the labels {self._labelnames}, not {values}")
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = Series(self.bounds)
        return series

    def observe(self, amount: float) -> None:
        """Count an amount, where there are no labels."""
        self.labels().observe(amount)

    def counts(self) -> dict[tuple[str, ...], list[int]]:
        """Return `Series.counts` of every series, by its labels."""
        return {values: series.counts() for values, series in list(self._series.items())}

    def describe(self) -> list[HistogramMetricFamily]:
        """Return what it is called, for a registry."""
        return [HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)]

    def collect(self) -> list[HistogramMetricFamily]:
        """Return every series as it stands."""
        [family] = self.describe()
        for values, series in list(self._series.items()):
            family.add_metric(values, *series.read())
        return [family]
