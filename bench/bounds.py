"""What the ratios to the peer have to be, and what they are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bench.figures import Ratio, middle, ratio, series

Turn = Mapping[str, Any]
BEFORE = "before"  # Whose turns are another checkout's.
_PAIRS = 5  # Fewer prove nothing.


class Bound(NamedTuple):
    """What a ratio to the peer has to be: at least (`more`) or at most `must`, better `goal`.

    Without `must` it is only shown.
    """

    what: str
    row: str
    peer_row: str
    figure: str
    must: float | None = None
    goal: float | None = None
    more: bool = True

    def verdict(self, found: float, pairs: int = _PAIRS) -> str:
        """Return "goal", "must" or "MISSED", or nothing where nothing is asked for."""
        reached = self._reached(found)
        return f"{reached} (too few pairs)" if reached and pairs < _PAIRS else reached

    def _reached(self, found: float) -> str:
        if self.must is None or self.goal is None:
            return ""
        sign = 1 if self.more else -1
        if sign * found >= sign * self.goal:
            return "goal"
        return "must" if sign * found >= sign * self.must else "MISSED"


def bounds(turns: Sequence[Turn]) -> list[Bound]:
    """Return every ratio that is worth showing: those that are asked for, and the other rows."""
    single, rate = "throughput", "orders_per_s"
    asked = [
        Bound("POST to its end, single POSTs, orders/s", single, single, rate, 1.3, 2.0),
        Bound(
            "the same, ours with appendfsync always, orders/s",
            *("throughput, appendfsync always", single, rate, 1.1, 1.6),
        ),
        Bound(
            "POST to its end, our batches, orders/s",
            *("throughput, batches", single, rate, 2.0, 3.0),
        ),
        Bound(
            "placed over our sockets, to its end, orders/s",
            *("throughput, over sockets", single, rate),
        ),
        Bound("intake alone, single POSTs, orders/s", "intake", "intake", rate, 1.0, 1.3),
        Bound(
            "at the forerunners' latencies, orders/min",
            *("forerunners' latencies", "forerunners' latencies", "orders_per_minute", 200, 300),
        ),
    ]
    spent = Bound("CPU an order, all servers, ms", single, single, "cpu_ms", 0.75, 0.5, more=False)
    return [*asked, *_latencies(turns), spent]


def _latencies(turns: Sequence[Turn]) -> Iterator[Bound]:
    for row in dict.fromkeys(str(turn["row"]) for turn in turns):
        if not row.startswith("latency at "):
            continue
        judged = row.startswith(("latency at 200/s", "latency at 500/s"))
        for point in ("p50", "p99", "p999"):
            must, goal = (1.5, 1.0) if judged and point != "p999" else (None, None)
            what = f"POST to confirmed seen, {row.removeprefix('latency ')}, {point}, ms"
            yield Bound(what, row, row, f"confirmed_{point}_ms", must, goal, more=False)


def ratios(turns: Sequence[Turn]) -> list[tuple[Bound, float, float, Ratio]]:
    """Return each bound of which there are turns: ours, the peer's (medians), and the ratio."""
    found = []
    for bound in bounds(turns):
        ours = series(turns, bound.row, "slipstream", bound.figure)
        peers = series(turns, bound.peer_row, "peer", bound.figure)
        if known := ratio(ours, peers):
            found.append((bound, middle(ours) or 0.0, middle(peers) or 0.0, known))
    return found
