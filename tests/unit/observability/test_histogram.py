"""Our histogram says what prometheus_client's own would."""

from __future__ import annotations

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from shared.observability import metrics  # noqa: F401 - without the times when series were made, as we scrape
from shared.observability.histogram import Histogram

_BOUNDS = (0.5, 1, 2.5, 10.0)
_AMOUNTS = st.lists(st.sampled_from((0.0, 0.4, 0.5, 0.75, 1.0, 2.5, 9.0, 10.0, 11.0, 1e9)))


def shown(histogram: type, labelled: dict[str, list[float]]) -> bytes:
    registry = CollectorRegistry()
    made = histogram("took_seconds", "How long", ["call"], buckets=_BOUNDS, registry=registry)
    for label, amounts in labelled.items():
        for amount in amounts:
            made.labels(label).observe(amount)
    return generate_latest(registry)


@given(_AMOUNTS, st.lists(st.floats(0, 20), min_size=1))
def test_what_is_scraped_is_the_same_to_the_byte(some: list[float], others: list[float]) -> None:
    labelled = {"quote": [*some, 1.0], "send": others}

    assert shown(Histogram, labelled) == shown(prometheus_client.Histogram, labelled)


def test_one_without_labels_is_there_before_anything_was_observed() -> None:
    registry = CollectorRegistry()
    Histogram("took_seconds", "How long", buckets=_BOUNDS, registry=registry)

    assert registry.get_sample_value("took_seconds_count") == 0


def test_a_call_that_fails_was_timed_as_well() -> None:
    registry = CollectorRegistry()
    made = Histogram("took_seconds", "How long", buckets=_BOUNDS, registry=registry)

    with pytest.raises(OSError, match="gone"), made.labels().time():
        raise OSError("gone")

    assert registry.get_sample_value("took_seconds_count") == 1


def test_a_label_too_few_is_refused() -> None:
    made = Histogram("a", "A", ["call"], buckets=_BOUNDS, registry=CollectorRegistry())

    with pytest.raises(ValueError, match="has the labels"):
        made.labels()


def test_no_two_metrics_have_one_name() -> None:
    registry = CollectorRegistry()
    Histogram("took_seconds", "How long", buckets=_BOUNDS, registry=registry)

    with pytest.raises(ValueError, match="Duplicated"):
        Histogram("took_seconds", "How long", buckets=_BOUNDS, registry=registry)
