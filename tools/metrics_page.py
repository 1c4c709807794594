"""`docs/metrics.md`: every metric, its labels and their values."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Counter, Gauge

from shared.observability import metrics
from shared.observability.histogram import Histogram

_HEAD = """\
# Metrics

Written by `make docs` from `shared/observability/metrics.py`: do not edit.
[Watch](operations/watch.md) says which to look at first, and has each alert with its remedy.

Every service serves all of these at `/metrics`; other services' metrics stay at zero or have no
series. Units are seconds, ratios (0 to 1) and counts. A histogram `x` is scraped as `x_bucket`,
`x_sum` and `x_count`. Beside them each process serves `process_*` and `python_*`, memory and file
descriptors among them.

Labels are bounded: no order, no account. "The same" marks a figure of the whole system, which
several replicas report alike: take the maximum over replicas, then sum over partitions and states.

"""


def metrics_page() -> str:
    """Return the page's text."""
    lines = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |", *_rows()]
    labels = ["", "## Labels", "", "| label | says |", "| --- | --- |"]
    labels += [f"| `{name}` | {says} |" for name, says in metrics.LABELS.items()]
    return _HEAD + "\n".join(lines + labels) + "\n"


def every_metric() -> list[Counter | Gauge | Histogram]:
    """Return each metric, in the order of their definition."""
    return [m for m in vars(metrics).values() if isinstance(m, Counter | Gauge | Histogram)]


def exposed_name(metric: Counter | Gauge | Histogram) -> str:
    """Return the name under which Prometheus knows a metric."""
    [family] = metric.describe()
    return f"{family.name}_total" if family.type == "counter" else str(family.name)


def labels_of(metric: Counter | Gauge | Histogram) -> tuple[str, ...]:
    """Return the names of a metric's labels."""
    return tuple(metric._labelnames)  # noqa: SLF001 - prometheus_client shows them nowhere else


def _rows() -> Iterator[str]:
    for metric in every_metric():
        [family] = metric.describe()
        labels = ", ".join(f"`{label}`" for label in labels_of(metric)) or "-"
        same = ". The same" if metric in metrics.SAME_EVERYWHERE else ""
        meaning = f"{family.documentation}{same}"
        yield f"| `{exposed_name(metric)}` | {family.type} | {labels} | {meaning} |"
