"""The demo on the screen: progress while it runs, a summary when it is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.check import Check, show
from cli.console import speaker
from cli.demo.figures import Figures
from cli.demo.traffic import Traffic

_FRAME_S = 0.1
_LINE_S = 1.0


async def show_progress(traffic: Traffic, running: asyncio.Task[Any], console: Console) -> None:
    """Show how far the orders are: a live bar on a terminal, a line a second in a pipe."""
    if console.is_terminal:
        await _bars(traffic, running, console)
    else:
        await _lines(traffic, running, console)


async def _bars(traffic: Traffic, running: asyncio.Task[Any], console: Console) -> None:
    columns = (
        TextColumn("{task.description:<7}"),
        BarColumn(complete_style="cyan", finished_style="green"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[standing]}"),
    )
    with Progress(*columns, console=console) as progress:
        placed = progress.add_task("placed", total=traffic.orders, standing="")
        ended = progress.add_task("ended", total=traffic.orders, standing="")
        over = False
        while not over:
            over = await _is_over(running, within_s=_FRAME_S)
            progress.update(placed, completed=len(traffic.journeys))
            progress.update(ended, completed=_ended(traffic), standing=_standing(traffic))


async def _lines(traffic: Traffic, running: asyncio.Task[Any], console: Console) -> None:
    over = False
    while not over:
        over = await _is_over(running, within_s=_LINE_S)
        console.print(
            f"placed {len(traffic.journeys)}/{traffic.orders}, ended {_ended(traffic)}"
            f" ({_standing(traffic)})"
        )


async def _is_over(running: asyncio.Task[Any], *, within_s: float) -> bool:
    done, _ = await asyncio.wait({running}, timeout=within_s)
    return bool(done)


def _ended(traffic: Traffic) -> int:
    return sum(journey.ended for journey in traffic.journeys)


def _standing(traffic: Traffic) -> str:
    counts = Counter(journey.status for journey in traffic.journeys)
    return ", ".join(f"{count} {status}" for status, count in counts.most_common())


def show_summary(
    found: Figures, checks: Sequence[Check], elapsed_s: float, console: Console
) -> None:
    """Print what came of the orders, and which promises were kept."""
    console.print()
    console.print(f"outcomes   {_listed(found.outcomes)} in {elapsed_s:.1f} s")
    console.print(f"venues     {_listed(found.venues)}")
    console.print()
    console.print(_latencies(found))
    console.print()
    show(checks, speaker(console))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _latencies(found: Figures) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("latency, ms")
    table.add_column("p50", justify="right")
    table.add_column("p99", justify="right")
    for name, one in found.latency_ms.items():
        table.add_row(name, f"{one.p50:,.1f}", f"{one.p99:,.1f}")
    return table
