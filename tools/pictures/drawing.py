"""A terminal as a picture that moves: SVG with nothing but text, shapes and CSS. Pure.

The rows appear as they came. A reader who asks for reduced motion sees all of them, still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from tools.pictures.screen import Row

_LETTER, _LINE = 8.1, 20
_PAD, _BAR = 18, 34
_GROUND = "#12161d"
_KEY_S, _PAUSE_S, _REST_S = 0.045, 0.5, 10.0
_NAMES = {"31": "red", "32": "green", "33": "yellow", "36": "cyan"}

# One window for light and dark pages alike: each letter has 4.5:1 or more on its ground.
_STYLE = """
text { font: 13.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d5dce6;
  white-space: pre; }
.prompt { fill: #8b97a8; } .note { fill: #8b97a8; font-size: 12px; }
.red { fill: #ff8a73; } .yellow { fill: #e8c15a; }
.green { fill: #5fd3a0; } .cyan { fill: #6cc7dd; }
"""


def drawing(command: str, rows: Sequence[Row], columns: int, slower: int, about: str) -> str:
    """Return the picture of a command that is typed and answered, `slower` times as slow as it was.

    `about` says the same in words, for whoever sees no pictures.
    """
    typed_s = len(command) * _KEY_S + _PAUSE_S
    began = rows[0].at_s if rows else 0.0
    starts = [typed_s + (row.at_s - began) * slower for row in rows]
    whole_s = (starts[-1] if starts else typed_s) + _REST_S
    width, height = 2 * _PAD + columns * _LETTER, _BAR + (len(rows) + 1) * _LINE + _PAD
    style = _STYLE + "".join(_moves(len(command), starts, whole_s))
    texts = [_text(i + 1, _runs(row), f"r{i}") for i, row in enumerate(rows)]
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" \
width="{width:g}" height="{height:g}" role="img" aria-labelledby="t d">
<title id="t">{escape(command)}</title><desc id="d">{escape(about)}</desc>
<style>{style}</style>
<rect x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="9" \
fill="{_GROUND}" stroke="#3a4454"/>
<text class="note" x="{width - _PAD:g}" y="23" text-anchor="end">\
one order, {slower} times slower than it was</text>
{_text(0, [("$ ", "prompt"), (command, "")])}<svg x="{_PAD + 2 * _LETTER:g}" y="{_BAR}" \
width="{(columns - 2) * _LETTER:g}" height="{_LINE}">\
<rect class="cover" width="100%" height="100%" fill="{_GROUND}" opacity="0"/></svg>
{"".join(texts)}</svg>
"""


def _moves(letters: int, starts: Sequence[float], whole_s: float) -> Iterator[str]:
    typed = letters * _KEY_S / whole_s * 100
    yield "@media (prefers-reduced-motion: no-preference) {\n"
    yield f".cover {{ animation: type {whole_s:.2f}s steps({letters}, end) infinite; }}\n"
    yield f"@keyframes type {{ 0% {{ opacity: 1; transform: none; }} {typed:.2f}% {{ opacity: 1; "
    yield f"transform: translateX({letters * _LETTER:g}px); }} {typed + 0.01:.2f}%, 100% "
    yield f"{{ opacity: 0; transform: translateX({letters * _LETTER:g}px); }} }}\n"
    for i, start in enumerate(starts):
        shown = start / whole_s * 100
        yield f".r{i} {{ animation: r{i} {whole_s:.2f}s step-end infinite; }} "
        yield f"@keyframes r{i} {{ 0% {{ opacity: 0; }} {shown:.2f}%, 100% {{ opacity: 1; }} }}\n"
    yield "}\n"


def _runs(row: Row) -> list[tuple[str, str]]:
    return [(run.text, _NAMES.get(run.colour, "")) for run in row.runs]


def _text(line: int, runs: Sequence[tuple[str, str]], name: str = "") -> str:
    letters = sum(len(text) for text, _ in runs)
    spans = "".join(
        f'<tspan class="{colour}">{escape(text)}</tspan>' if colour else escape(text)
        for text, colour in runs
    )
    kind = f' class="{name}"' if name else ""
    # Fonts differ, columns do not.
    return (
        f'<text{kind} x="{_PAD}" y="{_BAR + 15 + line * _LINE}" xml:space="preserve" '
        f'textLength="{letters * _LETTER:g}" lengthAdjust="spacing">{spans}</text>\n'
    )
