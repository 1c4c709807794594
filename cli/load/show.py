"""A load test on the screen: progress while it runs, a summary when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.console import speaker
from cli.load.figures import POINTS, Bucket, Figures, points
from cli.load.tally import Tally

_FRAME_S = 0.5
_LINE_S = 1.0
_BAR = 50
_LATE_MS = 10.0
_SERIES = {"answer": "POST to 202", "end": "POST to its end", "late": "late by its own fault"}


async def show_progress(tally: Tally, console: Console) -> None:
    """Show how it goes until cancelled: in place on a terminal, a line a second in a pipe."""
    pace = _Pace(tally)
    if not console.is_terminal:
        while True:
            await asyncio.sleep(_LINE_S)
            console.print(pace.line(), markup=False)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(_FRAME_S)
            live.update(Text(pace.line()), refresh=True)


class _Pace:
    """How it goes at the moment: since the last look."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._seen = 0
        self._looked_at = monotonic()

    def line(self) -> str:
        tally, now = self._tally, monotonic()
        recent = sorted(tally.answer_ms[self._seen :])
        per_s = len(recent) / (now - self._looked_at)
        self._seen, self._looked_at = len(tally.answer_ms), now
        words = [f"sent {tally.sent:,}", f"accepted {self._seen:,}", f"{per_s:,.0f}/s"]
        if recent:
            now_ms = points(recent)
            words.append(f"p50 {now_ms['p50']:,.1f} ms, p99 {now_ms['p99']:,.1f} ms")
        words.append(f"under way {tally.under_way:,}")
        words.append(f"errors {tally.errors.total():,}")
        return "   ".join(words)


def show_summary(found: Figures, broken: Sequence[str], console: Console) -> None:
    """Print what was measured, and what is not good enough."""
    console.print()
    console.print(f"sent       {found.sent:,} in {found.elapsed_s:.1f} s")
    console.print(f"accepted   {found.accepted:,}, {found.accepted_per_s:,.1f} a second")
    console.print(f"errors     {_listed(found.errors)}", markup=False)
    if found.outcomes:
        console.print(f"outcomes   {_listed(found.outcomes)}")
    if found.under_way:
        console.print(f"given up   {found.under_way:,} were under way")
    console.print()
    console.print(_latencies(found.latency_ms))
    for name, buckets in found.histogram.items():
        _show_histogram(_SERIES[name], buckets, console)
    _judge(found, broken, console)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def _latencies(latency_ms: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("latency, ms")
    for point in POINTS:
        table.add_column(point, justify="right")
    for name, measured in latency_ms.items():
        table.add_row(_SERIES[name], *(f"{measured[point]:,.1f}" for point in POINTS))
    return table


def _show_histogram(title: str, buckets: Sequence[Bucket], console: Console) -> None:
    most = max(bucket.orders for bucket in buckets)
    console.print(f"\n{title}")
    for bucket in buckets:
        bar = "█" * -(-bucket.orders * _BAR // most)  # Rounded up: one order is to be seen.
        console.print(f"  up to {bucket.up_to_ms:>9,g} ms  {bar} {bucket.orders:,}", markup=False)


def _judge(found: Figures, broken: Sequence[str], console: Console) -> None:
    say = speaker(console)
    console.print()
    late = found.latency_ms.get("late", {}).get("p99", 0.0)
    if late > _LATE_MS:
        say(
            "note", f"this load test was late itself, 1 % of its orders by more than {late:,.1f} ms"
        )
        say(
            "note",
            "the other times leave that out; for an even load ask for less, or start several",
        )
    for words in broken:
        say("broken", words)
    if not broken:
        errors = sum(found.errors.values())
        say("ok", f"good enough, with {errors:,} errors" if errors else "good enough")
