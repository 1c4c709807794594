"""Charts as SVG, by hand: bars that lie, put together of parts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

_COLOURS = (
    *("#2563eb", "#0d9488", "#d97706", "#7c3aed", "#db2777"),
    *("#dc2626", "#0891b2", "#64748b", "#65a30d"),
)
_LABELS, _WIDTH, _BAR, _GAP, _TOP = 320, 560, 18, 8, 64


def stacked_bars(title: str, bars: Mapping[str, Mapping[str, float]]) -> str:
    """Return a chart with a bar for each of `bars`, each the sum of its parts."""
    names = list(dict.fromkeys(name for parts in bars.values() for name in parts))
    colours = {name: _COLOURS[n % len(_COLOURS)] for n, name in enumerate(names)}
    longest = max((sum(parts.values()) for parts in bars.values()), default=0.0) or 1.0
    height = _TOP + len(bars) * (_BAR + _GAP)
    body = [_text(12, 20, title, weight="bold"), *_legend(colours)]
    for n, (label, parts) in enumerate(bars.items()):
        body += _bar(_TOP + n * (_BAR + _GAP), label, parts, colours, _WIDTH / longest)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABELS + _WIDTH + 90}" '
        f'height="{height}" font-family="sans-serif" font-size="12">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _legend(colours: Mapping[str, str]) -> Iterator[str]:
    x = 12.0
    for name, colour in colours.items():
        yield _box((x, 32), (12, 12), colour, name)
        yield _text(x + 16, 42, name)
        x += 28 + 7 * len(name)


def _bar(
    y: int, label: str, parts: Mapping[str, float], colours: Mapping[str, str], scale: float
) -> Iterator[str]:
    yield _text(_LABELS - 8, y + 13, label, anchor="end")
    x = float(_LABELS)
    for name, value in parts.items():
        yield _box((x, y), (value * scale, _BAR), colours[name], f"{name}: {value:,.3g}")
        x += value * scale
    yield _text(x + 6, y + 13, f"{sum(parts.values()):,.4g}")


def _box(place: tuple[float, float], size: tuple[float, float], colour: str, title: str) -> str:
    (x, y), (width, height) = place, size
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )
