"""A load test's numbers say what was measured, and its limits can be broken."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.load.figures import Figures, Limit, as_json, figures, histogram, points
from cli.load.show import show_summary
from cli.load.tally import Tally
from cli.percentiles import percentile

TIMES = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1)


def measured(*answer_ms: float, errors: int = 0, late_ms: float = 0) -> Figures:
    tally = Tally(sent=len(answer_ms) + errors, answering_s=2.0)
    tally.answer_ms.extend(answer_ms)
    tally.late_ms.extend(late_ms for _ in answer_ms)
    tally.errors["OVERLOADED"] += errors
    return figures(tally, elapsed_s=4.0)


@given(TIMES, st.floats(min_value=0, max_value=100))
def test_a_percentile_is_not_exceeded_by_as_many_as_it_says(
    times: list[float], percent: float
) -> None:
    found = percentile(sorted(times), percent)

    assert found in times
    assert sum(time <= found for time in times) >= len(times) * percent / 100


def test_the_points_of_a_thousand_times_are_those_in_their_places() -> None:
    times = [float(n) for n in range(1, 1_001)]

    assert points(times) == {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999, "max": 1_000}


@given(TIMES)
def test_every_time_is_in_one_bucket_of_the_histogram(times: list[float]) -> None:
    buckets = histogram(sorted(times))
    edges = [bucket.up_to_ms for bucket in buckets]

    assert sum(bucket.orders for bucket in buckets) == len(times)
    assert edges == sorted(set(edges))
    assert edges[-1] >= max(times)
    assert buckets[0].orders > 0


@pytest.mark.parametrize(
    ("text", "series", "point", "ms"),
    [
        ("p99=250ms", "answer", "p99", 250.0),
        ("end.p99.9=2.5s", "end", "p99.9", 2_500.0),
        ("max=1s", "answer", "max", 1_000.0),
    ],
)
def test_a_limit_is_read_with_its_unit(text: str, series: str, point: str, ms: float) -> None:
    assert Limit.parse(text) == Limit(text, series, point, ms)


@pytest.mark.parametrize("text", ["p98=1ms", "p99=250", "p99<250ms", "p99=-1ms", "start.p50=1s"])
def test_what_is_no_limit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be like p99=250ms"):
        Limit.parse(text)


def test_a_limit_is_broken_by_more_and_not_by_as_much() -> None:
    limit = Limit.parse("max=250ms")

    assert measured(100, 250).broken([limit]) == []
    assert measured(100, 251).broken([limit]) == ["max=250ms: it is 251.0 ms"]


def test_a_limit_on_what_was_not_measured_is_broken() -> None:
    broken = measured(1).broken([Limit.parse("end.p50=1s")])

    assert broken == ["end.p50=1s: nothing was measured"]


def test_more_errors_than_allowed_are_too_many() -> None:
    found = measured(1, errors=2)

    assert found.broken([]) == ["2 errors, 0 allowed"]
    assert found.broken([], max_errors=2) == []
    assert found.broken([], max_errors=1) == ["2 errors, 1 allowed"]


def test_a_test_in_which_nothing_was_accepted_is_never_good_enough() -> None:
    assert measured(errors=1).broken([], max_errors=1) == ["no order was accepted"]


def test_the_json_says_what_the_screen_does() -> None:
    said = as_json(measured(10, 20, errors=1), broken=["why"])

    assert said["ok"] is False
    assert (said["sent"], said["accepted"], said["acceptedPerS"]) == (3, 2, 1.0)
    assert said["errors"] == {"OVERLOADED": 1}
    assert said["latencyMs"]["answer"]["max"] == 20
    assert [bucket["orders"] for bucket in said["histogram"]["answer"]] == [1, 0, 1]


def summary_of(found: Figures, max_errors: int = 0) -> str:
    console = Console(file=io.StringIO(), width=200)
    show_summary(found, found.broken([], max_errors), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_went_well_is_called_good_enough() -> None:
    assert "good enough" in summary_of(measured(1, 2))


def test_errors_are_not_good_enough_unless_somebody_says_how_many_are() -> None:
    found = measured(1, 2, errors=3_000)

    assert "good enough" not in summary_of(found)
    assert "3,000 errors, 0 allowed" in summary_of(found)
    assert "good enough, with 3,000 errors" in summary_of(found, max_errors=3_000)


def test_a_load_test_that_was_late_itself_says_what_to_do() -> None:
    assert "start several" in summary_of(measured(1, 2, late_ms=500))
    assert "start several" not in summary_of(measured(1, 2))
