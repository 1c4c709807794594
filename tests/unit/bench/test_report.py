"""The bench's report judges what is asked for, and shows the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.bounds import Bound, ratios
from bench.chart import stacked_bars
from bench.report import charts, page, processes, write

AT_LEAST = Bound("rate", "row", "row", "rate", 1.3, 2.0)
AT_MOST = Bound("time", "row", "row", "ms", 1.5, 1.0, more=False)


def turn(row: str, system: str, **figures: float) -> dict[str, Any]:
    return {"row": row, "system": system, **figures}


def throughput(ours: float, peers: float) -> list[dict[str, Any]]:
    return [
        turn("throughput", "slipstream", orders_per_s=ours, cpu_ms=0.3, cpu_ms_gateway=0.1),
        turn("throughput", "peer", orders_per_s=peers, cpu_ms=0.6, cpu_ms_api=0.2),
    ]


@pytest.mark.parametrize(
    ("bound", "found", "verdict"),
    [
        (AT_LEAST, 2.0, "goal"),
        (AT_LEAST, 1.99, "must"),
        (AT_LEAST, 1.3, "must"),
        (AT_LEAST, 1.29, "MISSED"),
        (AT_MOST, 1.0, "goal"),
        (AT_MOST, 1.5, "must"),
        (AT_MOST, 1.51, "MISSED"),
        (Bound("shown", "row", "row", "rate"), 0.1, ""),
    ],
)
def test_a_verdict_is_strict_at_its_bounds(bound: Bound, found: float, verdict: str) -> None:
    assert bound.verdict(found) == verdict


def test_a_verdict_over_few_pairs_says_so() -> None:
    assert AT_LEAST.verdict(2.0, pairs=4) == "goal (too few pairs)"
    assert AT_LEAST.verdict(2.0, pairs=5) == "goal"


def test_our_other_ways_in_are_compared_with_the_peers_single_posts() -> None:
    turns = [*throughput(100, 100), turn("throughput, batches", "slipstream", orders_per_s=300)]

    found = {bound.row: known.median for bound, _, _, known in ratios(turns)}

    assert found["throughput, batches"] == 3.0


def test_a_latency_is_judged_at_200_and_at_500_orders_a_second_only() -> None:
    turns = [
        turn(f"latency at {rate}/s, one socket for all", system, confirmed_p50_ms=3)
        for rate in (50, 200, 500, 1_000)
        for system in ("slipstream", "peer")
    ]

    judged = [bound.row for bound, *_ in ratios(turns) if bound.must is not None]

    assert judged == [f"latency at {rate}/s, one socket for all" for rate in (200, 500)]


def test_the_page_says_which_bound_was_missed() -> None:
    lines = page(throughput(100, 100), {"machine": "two cores"}).splitlines()

    assert "- machine: two cores" in lines
    assert [line for line in lines if "single POSTs, orders/s" in line and "MISSED" in line]


@pytest.mark.parametrize(("peak_mb", "verdict"), [(511.0, "must"), (513.0, "MISSED")])
def test_memory_is_judged_at_its_highest(peak_mb: float, verdict: str) -> None:
    grown = turn("history", "slipstream", orders=9, redis_mb=3.0, redis_peak_mb=peak_mb)

    [line] = [line for line in page([grown], {}).splitlines() if line.startswith("Redis after 9")]

    assert line.endswith(verdict)


def test_without_a_peer_the_page_has_our_figures_and_no_ratio() -> None:
    [ours, _] = throughput(1_234, 1)

    shown = page([ours], {})

    assert "| orders_per_s | 1,234 |" in shown
    assert "single POSTs, orders/s" not in shown


def test_the_cost_of_a_process_is_the_median_of_its_turns() -> None:
    turns = [turn("intake", "peer", cpu_ms=1, cpu_ms_api=ms) for ms in (1.0, 5.0, 2.0)]

    assert processes(turns, "intake", "peer") == {"api": 2.0}


def test_a_chart_is_well_formed_whatever_the_names() -> None:
    svg = stacked_bars("a < b & c", {"<row>": {"x&y": 1.0, "z": 3.0}, "none": {}})

    boxes = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")
    widths = [float(box.get("width", "0")) for box in boxes if box.get("height") == "18"]
    assert widths == [140.0, 420.0]


def test_there_is_a_chart_only_of_what_was_measured() -> None:
    assert set(charts(throughput(2, 1))) == {"orders.svg", "cpu.svg"}


def test_everything_is_written_beside_each_other(tmp_path: Path) -> None:
    write(tmp_path / "new", throughput(200, 100), {"machine": "m"})

    read = json.loads((tmp_path / "new" / "results.json").read_text())
    assert read["ratios"][0]["median"] == 2.0
    assert len(read["turns"]) == 2
    assert (tmp_path / "new" / "results.md").read_text().startswith("# Results")
    assert (tmp_path / "new" / "cpu.svg").exists()


def test_another_checkout_is_compared_turn_by_turn() -> None:
    turns = [
        turn("throughput", "slipstream", orders_per_s=90.0),
        turn("throughput", "before", orders_per_s=100.0),
        turn("throughput", "slipstream", orders_per_s=220.0),
        turn("throughput", "before", orders_per_s=200.0),
    ]

    assert "| throughput | orders_per_s | 155 | 150 | **1.000** | 0.90 to 1.10 | 2 |" in page(
        turns, {}
    )
    assert "other checkout" not in page(throughput(2.0, 1.0), {})
