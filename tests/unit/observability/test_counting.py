"""Counts are taken once, and quantiles are of all replicas together."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.observability.counting import EVENTS, HOPS, Counting, Times
from shared.observability.order_metrics import count_appended
from shared.orders.events import OrderEvent
from tests.support.builders import history


def appended(events: list[OrderEvent]) -> None:
    """Count a history as services do that append it."""
    count_appended([(events[0], events[1:])])


def stretched(events: list[OrderEvent], step_s: float) -> list[OrderEvent]:
    return [
        replace(event, at=events[0].at + timedelta(seconds=step_s * place))
        for place, event in enumerate(events)
    ]


def test_counts_are_taken_once() -> None:
    counting = Counting()
    appended(history(ending="confirmed"))
    appended(history(ending="failed"))
    taken = counting.take()

    assert {field: taken[field] for field in taken if field in EVENTS} == {
        "OrderConfirmed": 1,
        "OrderFailed": 1,
    }
    assert counting.take() == {}


def test_each_hop_is_timed_by_the_event_at_its_end() -> None:
    counting = Counting()
    appended(stretched(history(ending="confirmed"), step_s=0.2))
    taken = counting.take()

    for hop in ("routing", "building", "submitted"):
        assert Times(taken, hop).count == 1
        assert 100 < (Times(taken, hop).quantile_ms(0.5) or 0) <= 250


def test_one_that_begins_does_not_take_what_was_counted_before() -> None:
    appended(history(ending="confirmed"))

    assert Counting().take() == {}


def test_counts_that_were_given_back_are_taken_with_the_next() -> None:
    counting = Counting()
    appended(history(ending="confirmed"))
    first = counting.take()
    counting.give_back(first)
    appended(history(ending="confirmed"))

    assert Counter(counting.take())["OrderConfirmed"] == 2
    assert counting.take() == {}


def test_no_field_is_of_an_order() -> None:
    counting = Counting()
    for events in (history(), history(ending="failed"), history(ending="rerouted")):
        appended(events)
    fields = counting.take()

    assert {field.partition("<")[0] for field in fields} <= {*EVENTS, *HOPS}


@pytest.mark.parametrize(
    ("counts", "part", "ms"),
    [
        ({}, 0.5, None),
        ({"routing<0.5": 4}, 0.5, 425.0),  # Half of the way from 0.35 to 0.5 s.
        ({"routing<0.001": 1}, 0.5, 0.5),
        ({"routing<0.25": 98, "routing<1": 2}, 0.99, 850.0),
        ({"routing<inf": 3, "routing<0.1": 1}, 0.99, 600_000.0),
        ({"routing<0.3": 4}, 1.0, 300.0),  # A bound that only another version has.
        ({"building<0.5": 4}, 0.5, None),
    ],
)
def test_quantiles_lie_evenly_within_a_bucket(
    counts: dict[str, int], part: float, ms: float | None
) -> None:
    assert Times(counts, "routing").quantile_ms(part) == ms
