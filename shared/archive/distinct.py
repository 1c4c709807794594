"""Each event of a batch once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.archive.fold import Recorded


class Batch(NamedTuple):
    """Each version of an order once, and what came for one of them with other bytes."""

    events: list[Recorded]
    others: list[Recorded]


def distinct(recorded: Iterable[Recorded]) -> Batch:
    """Return each event once, by order and version: the order in which rows are locked.

    Where a version repeats with other bytes, the entry that was first on the log is the event.
    """
    seen: dict[tuple[str, int], Recorded] = {}
    others = []
    for one in recorded:
        name = (one.event.order_id, one.event.version)
        first = seen.setdefault(name, one)
        if first is not one and first.raw != one.raw:
            seen[name], other = sorted([first, one], key=_when_written)
            others.append(other)
    return Batch([seen[name] for name in sorted(seen)], others)


def _when_written(one: Recorded) -> tuple[int, ...]:
    return tuple(map(int, one.place[1].split("-")))
