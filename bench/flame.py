"""Samples of stacks: read, counted by function, and drawn as a flame graph. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import PurePosixPath

Stack = tuple[str, ...]

_WIDTH, _HEIGHT, _LETTER = 1_200.0, 17, 6.6
_LEAST = 0.6  # Pixels; what is narrower is not drawn.
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>[^()]+)\)")
_SHORT = 3
_HUES = (8, 16, 24, 32, 40, 48)


def parse(text: str) -> Counter[Stack]:
    """Read what py-spy writes as `raw`: a line a stack, outermost first, and its count."""
    stacks: Counter[Stack] = Counter()
    for line in text.splitlines():
        frames, _, count = line.rpartition(" ")
        if frames and count.isdecimal():
            stacks[tuple(_named(frame) for frame in frames.split(";"))] += int(count)
    return stacks


def _named(frame: str) -> str:
    """Return a function's name with the end of its path, which is the same on every machine."""
    if not (found := _FRAME.fullmatch(frame)):
        return frame
    parts = PurePosixPath(found["file"]).parts
    if "site-packages" in parts:
        parts = parts[parts.index("site-packages") + 1 :]
    return f"{found['function']} ({'/'.join(parts[-_SHORT:])})"


def by_function(stacks: Mapping[Stack, int]) -> tuple[Counter[str], Counter[str]]:
    """Return the samples in each function itself, and in it or anything that it called."""
    own: Counter[str] = Counter()
    everything: Counter[str] = Counter()
    for stack, count in stacks.items():
        own[stack[-1]] += count
        for name in set(stack):
            everything[name] += count
    return own, everything


def flame_graph(title: str, stacks: Mapping[Stack, int]) -> str:
    """Return the graph as SVG: the outermost function on top, as wide as its share of time."""
    total = sum(stacks.values()) or 1
    rows = max((len(stack) for stack in stacks), default=0) + 1
    body = "\n".join(_boxes(dict(stacks), (), 0.0, total))
    head = f"{title}: {total:,} samples. Point at a box for its name and share."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:.0f}" '
        f'height="{(rows + 1) * _HEIGHT + 8}" font-family="monospace" font-size="11">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        f'<text x="4" y="14">{escape(head)}</text>\n{body}\n</svg>\n'
    )


def _boxes(stacks: Mapping[Stack, int], above: Stack, x: float, total: int) -> Iterator[str]:
    """Yield the boxes of all that lies below the frames `above`, beginning at `x`."""
    depth = len(above)
    callees: dict[str, dict[Stack, int]] = {}
    for stack, count in stacks.items():
        if len(stack) > depth:
            callees.setdefault(stack[depth], {})[stack] = count
    for name, below in sorted(callees.items()):
        samples = sum(below.values())
        width = _WIDTH * samples / total
        if width >= _LEAST:
            yield _box(name, x, 22 + depth * _HEIGHT, width, f"{100 * samples / total:.1f} %")
            yield from _boxes(below, (*above, name), x, total)
        x += width


def _box(name: str, x: float, y: int, width: float, share: str) -> str:
    hue = _HUES[sum(name.encode()) % len(_HUES)]
    room = int((width - 4) / _LETTER)
    words = escape(name[:room]) if room > _SHORT else ""
    return (
        f'<g><title>{escape(name)}: {share}</title><rect x="{x:.1f}" y="{y}" '
        f'width="{max(0.1, width - 0.5):.1f}" height="{_HEIGHT - 1}" fill="hsl({hue},85%,68%)"/>'
        f'<text x="{x + 2:.1f}" y="{y + 12}">{words}</text></g>'
    )
