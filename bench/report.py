"""What a run has found, as JSON, as a page and as charts. Pure, but for `write`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.bounds import BEFORE, Turn, ratios
from bench.chart import stacked_bars
from bench.figures import middle, ratio, series

_REDIS_MB = 512
_COMPARED = (
    *("orders_per_s", "cpu_ms", "cpu_ms_valkey", "cpu_ms_gateway", "cpu_ms_projector"),
    *("post_p50_ms", "post_p99_ms", "confirmed_p50_ms", "confirmed_p99_ms"),
    *("redis_commands", "redis_peak_mb"),
)


def page(turns: Sequence[Turn], about: Mapping[str, Any]) -> str:
    """Return everything as Markdown."""
    lines = ["# Results of the bench", "", *(f"- {name}: {value}" for name, value in about.items())]
    lines += ["", "## Ratios to the peer", ""]
    lines += ["| what | ours | peer | ratio | least to most | pairs | must | goal | reached |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for bound, ours, peers, known in ratios(turns):
        sign = "≥" if bound.more else "≤"
        must, goal = (f"{sign} {n:g}" if n else "" for n in (bound.must, bound.goal))
        lines.append(
            f"| {bound.what} | {_number(ours)} | {_number(peers)} | **{known.median:.2f}** "
            f"| {known.least:.2f} to {known.most:.2f} | {known.pairs} | {must} | {goal} "
            f"| {bound.verdict(known.median, known.pairs)} |"
        )
    lines += [
        "",
        *_compared(turns),
        *_memory(turns),
        *_processes(turns),
        "## Every row, medians",
        "",
    ]
    for row in dict.fromkeys(turn["row"] for turn in turns):
        lines += _row(turns, row)
    return "\n".join(lines) + "\n"


def _compared(turns: Sequence[Turn]) -> Iterator[str]:
    """Yield how this checkout stands to the other one, if there was one."""
    rows = dict.fromkeys(turn["row"] for turn in turns if turn["system"] == BEFORE)
    if not rows:
        return
    yield "## Ratios to the other checkout"
    yield ""
    yield "| row | figure | here | there | ratio | least to most | pairs |"
    yield "|---|---|---|---|---|---|---|"
    for row, figure in itertools.product(rows, _COMPARED):
        here, there = (series(turns, row, system, figure) for system in ("slipstream", BEFORE))
        if known := ratio(here, there):
            yield (
                f"| {row} | {figure} | {_number(median(here))} | {_number(median(there))} | "
                f"**{known.median:.3f}** | {known.least:.2f} to {known.most:.2f} | {known.pairs} |"
            )
    yield ""


def _memory(turns: Sequence[Turn]) -> Iterator[str]:
    grown = [turn for turn in turns if turn.get("redis_mb") is not None]
    if grown:
        last = grown[-1]
        verdict = "must" if max(last["redis_mb"], last["redis_peak_mb"]) < _REDIS_MB else "MISSED"
        yield (
            f"Redis after {last['orders']:,} orders: {last['redis_mb']:.0f} MiB at rest, at most "
            f"{last['redis_peak_mb']:.0f} MiB on the way (must: under {_REDIS_MB}): {verdict}"
        )
        yield ""


def _processes(turns: Sequence[Turn]) -> Iterator[str]:
    """Yield where the CPU time goes. A process whose share is a whole core bounds its stage."""
    yield "## CPU an order by process, µs (in brackets: cores in use)"
    yield ""
    for row in ("throughput", "throughput, batches", "intake"):
        for system in ("slipstream", "peer"):
            spent = processes(turns, row, system)
            rate = middle(series(turns, row, system, "orders_per_s"))
            if not spent or rate is None:
                continue
            cells = ", ".join(
                f"{name} {1_000 * ms:.0f} ({ms * rate / 1_000:.2f})" for name, ms in spent.items()
            )
            most = max(spent, key=lambda name: spent[name])
            yield f"- {row}, {system}, {rate:,.0f} orders/s: {cells}. Most: {most}"
    yield ""


def processes(turns: Sequence[Turn], row: str, system: str) -> dict[str, float]:
    """Return the median CPU time of an order in each process, in ms."""
    names = dict.fromkeys(
        name
        for turn in turns
        if turn["row"] == row and turn["system"] == system
        for name in turn
        if name.startswith("cpu_ms_")
    )
    return {
        name.removeprefix("cpu_ms_"): middle(series(turns, row, system, name)) or 0.0
        for name in names
    }


def _row(turns: Sequence[Turn], row: str) -> Iterator[str]:
    systems = dict.fromkeys(turn["system"] for turn in turns if turn["row"] == row)
    figures = dict.fromkeys(
        name
        for turn in turns
        if turn["row"] == row
        for name in turn
        if name not in {"row", "system"} and not name.startswith("cpu_ms_")
    )
    yield f"### {row}"
    yield ""
    yield f"| figure | {' | '.join(systems)} |"
    yield "|---" * (len(systems) + 1) + "|"
    for figure in figures:
        cells = (middle(series(turns, row, system, figure)) for system in systems)
        shown = " | ".join("" if cell is None else _number(cell) for cell in cells)
        yield f"| {figure} | {shown} |"
    yield ""


def charts(turns: Sequence[Turn]) -> dict[str, str]:
    """Return the charts, by file name."""
    rates: dict[str, dict[str, float]] = {}
    spent: dict[str, dict[str, float]] = {}
    ends: dict[str, dict[str, float]] = {}
    for row, system in dict.fromkeys((turn["row"], turn["system"]) for turn in turns):
        bar = f"{row}, {system}"
        if rate := middle(series(turns, row, system, "orders_per_s")):
            rates[bar] = {"orders/s": rate}
            spent[bar] = {n: 1_000 * ms for n, ms in processes(turns, row, system).items()}
        if (p50 := middle(series(turns, row, system, "confirmed_p50_ms"))) is not None:
            p99 = middle(series(turns, row, system, "confirmed_p99_ms")) or p50
            ends[bar] = {"p50": p50, "up to p99": max(0.0, p99 - p50)}
    wanted = {
        "orders": ("Orders a second", rates),
        "cpu": ("CPU time an order, µs, by process", spent),
        "latency": ("POST to confirmed seen, ms", ends),
    }
    return {
        f"{name}.svg": stacked_bars(title, bars) for name, (title, bars) in wanted.items() if bars
    }


def write(folder: Path, turns: Sequence[Turn], about: Mapping[str, Any]) -> None:
    """Write it all to a directory: `results.json`, `results.md` and the charts."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [
        {"what": b.what, "ours": ours, "peer": peers, **known._asdict(), "must": b.must}
        | {"goal": b.goal, "reached": b.verdict(known.median, known.pairs)}
        for b, ours, peers, known in ratios(turns)
    ]
    everything = {"about": about, "ratios": found, "turns": list(turns)}
    (folder / "results.json").write_text(json.dumps(everything, indent=1) + "\n")
    (folder / "results.md").write_text(page(turns, about))
    for name, svg in charts(turns).items():
        (folder / name).write_text(svg)


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 or value == int(value) else f"{value:,.3g}"  # noqa: PLR2004 - digits
