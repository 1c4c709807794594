"""Read the words of a market's script: figures with their units, and movements. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from shared.venues.market.movements import Movement, Path, Sine, Walk

_KINDS = "line, step, sine, walk"
_MOST_POINTS = 1_000

_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)")
_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_LONGEST_MS = 365 * 24 * 3_600_000
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"


class Wrong(ValueError):
    """What is wrong with a statement, to be read behind it."""


class _Unit(NamedTuple):
    name: str
    least: Decimal
    most: Decimal


_UNITS = {
    # As a token's `simulated_usd`: within these bounds no offer has more digits than it can bear.
    "usd": _Unit("price", Decimal("1e-9"), Decimal("1e9")),
    "%": _Unit("percentage", Decimal(0), Decimal(99)),
    "bps": _Unit("number of bps", Decimal(0), Decimal(5_000)),
    "x": _Unit("factor", Decimal("0.0001"), Decimal(10_000)),
}
_DEPTH = _Unit("depth", Decimal(1), Decimal(10**15))


def a_time(word: str, *, least_ms: int = 0) -> int:
    """Return a duration in ms. Raises `Wrong`."""
    found = _TIME.fullmatch(word)
    if not found:
        raise Wrong(f"has the time {word!r}, which is not a number with ms, s, m or h")
    ms = Decimal(found[1]) * _MS[found[2]]
    if ms != int(ms) or not least_ms <= ms <= _LONGEST_MS:
        raise Wrong(f"has the time {word!r}, which is not {least_ms}ms to 8760h in whole ms")
    return int(ms)


def an_amount(word: str, unit: str, *, signed: bool = False, depth: bool = False) -> Decimal:
    """Return an amount in `usd`, `%`, `bps`, or times (`x`). Raises `Wrong`.

    A price goes without its unit, and a `depth` with it.
    """
    known = _DEPTH if depth else _UNITS[unit]
    ending = "" if unit == "usd" and not depth else re.escape(unit)
    sign = "([+-]?)" if signed else "()"
    found = re.fullmatch(sign + _NUMBER + ending, word)
    if not found:
        example = {"%": "3%", "bps": "20bps", "x": "10x", "usd": "5000usd" if depth else "150"}
        raise Wrong(f"has {word!r} for a {known.name}, e.g. {example[unit]}")
    amount = Decimal(found[2])
    if not known.least <= amount <= known.most:
        raise Wrong(f"has a {known.name} that is not {known.least:f} to {known.most:f}: {word}")
    return -amount if found[1] == "-" else amount


def a_movement(value: list[str], seed: str) -> Movement:
    """Return the movement that some words spell; `seed` draws one that walks. Raises `Wrong`."""
    match value:
        case ["line" | "step" as kind, *points]:
            repeats = points[-1:] == ["repeat"]
            return _path(points[: len(points) - repeats], stepwise=kind == "step", repeats=repeats)
        case ["sine", mean, swing, period]:
            return Sine(
                mean=an_amount(mean, "usd"),
                swing=an_amount(swing, "%") / 100,
                period_ms=a_time(period, least_ms=1),
            )
        case ["walk", start, within, every]:
            return Walk(
                seed=seed,
                start=an_amount(start, "usd"),
                within=an_amount(within, "%") / 100,
                every_ms=a_time(every, least_ms=1),
            )
        case ["sine" | "walk" as kind, *_]:
            last = {"sine": "period", "walk": "step"}[kind]
            raise Wrong(f"needs a price, a percentage and a {last}, e.g. {kind} 150 3% 20s")
        case _:
            raise Wrong(f"has no movement; there are {_KINDS}")


def _path(words: list[str], *, stepwise: bool, repeats: bool) -> Path:
    if not 1 <= len(words) <= _MOST_POINTS:
        raise Wrong(f"needs 1 to {_MOST_POINTS} points, e.g. 150@0s 140@10s")
    points = tuple(map(_point, words))
    if any(after[0] <= before[0] for before, after in pairwise(points)):
        raise Wrong("has points that are not in the order of their times")
    if repeats and not points[-1][0]:
        raise Wrong("repeats after no time")
    return Path(points=points, stepwise=stepwise, repeats=repeats)


def _point(word: str) -> tuple[int, Decimal]:
    usd, at, time = word.partition("@")
    if not at:
        raise Wrong(f"has the point {word}, which is not price@time")
    return a_time(time), an_amount(usd, "usd")
