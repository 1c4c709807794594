"""The bench's numbers say what was measured, pair by pair."""

from __future__ import annotations

from typing import Any

import pytest

from bench.figures import Ratio, middle, ratio, series, spread


def test_a_spread_of_a_thousand_has_each_point_in_its_place() -> None:
    found = spread([float(n) for n in range(1_000, 0, -1)])

    assert found == {"n": 1_000, "p50": 500, "p90": 900, "p99": 990, "p999": 999, "max": 1_000}


def test_a_spread_of_nothing_has_no_points() -> None:
    assert spread([]) == {"n": 0}


def test_a_ratio_compares_turns_that_stood_side_by_side() -> None:
    # The machine was half as fast during the second pair, for both.
    found = ratio([200.0, 100.0, 300.0], [100.0, 50.0, 100.0])

    assert found == Ratio(median=2.0, least=2.0, most=3.0, pairs=3)


def test_a_turn_without_a_turn_beside_it_counts_for_nothing() -> None:
    found = ratio([200.0, 900.0], [100.0])

    assert found == Ratio(2.0, 2.0, 2.0, 1)


@pytest.mark.parametrize(("ours", "peers"), [([], []), ([1.0], []), ([1.0], [0.0])])
def test_there_is_no_ratio_to_nothing(ours: list[float], peers: list[float]) -> None:
    assert ratio(ours, peers) is None


def test_the_middle_of_nothing_is_unknown() -> None:
    assert middle([]) is None


def test_a_series_leaves_out_other_rows_other_systems_and_what_is_unknown() -> None:
    turns: list[dict[str, Any]] = [
        {"row": "intake", "system": "peer", "rate": 1},
        {"row": "intake", "system": "slipstream", "rate": 2},
        {"row": "throughput", "system": "peer", "rate": 3},
        {"row": "intake", "system": "peer", "rate": None},
        {"row": "intake", "system": "peer"},
        {"row": "intake", "system": "peer", "rate": 4},
    ]

    assert series(turns, "intake", "peer", "rate") == [1, 4]
