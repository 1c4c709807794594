"""How what a command said lies on a terminal: rows of coloured text, each with its time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tools.pictures.record import Said

_PIECE = re.compile(r"\x1b\[([\d;]*)m|(\r?\n)|([^\x00-\x1f\x7f]+)")
_RESET = {"", "0"}


class Run(NamedTuple):
    """Text of one colour, named by its code in ANSI escapes: "36" is cyan, "" the usual one."""

    text: str
    colour: str


class Row(NamedTuple):
    """A row of the screen, and the seconds after which its first letter was there."""

    at_s: float
    runs: tuple[Run, ...]


def rows(said: Iterable[Said], columns: int) -> list[Row]:
    """Return the rows of a screen of so many columns, from the top. A long line wraps.

    Raises ValueError at anything but text, line ends and colours: nothing moves the cursor here.
    """
    found: list[Row] = []
    runs: list[Run] = []
    at_s, used, colour = 0.0, 0, ""
    for when_s, piece, new_colour in _pieces(said):
        if new_colour is not None:
            colour = "" if new_colour in _RESET else new_colour
        elif piece == "\n":
            found.append(Row(at_s if runs else when_s, tuple(runs)))
            runs, used = [], 0
        else:
            for part in _cut(piece, columns, used):
                if used == columns:
                    found.append(Row(at_s, tuple(runs)))
                    runs, used = [], 0
                at_s = at_s if runs else when_s
                runs.append(Run(part, colour))
                used += len(part)
    return [*found, Row(at_s, tuple(runs))] if runs else found


def _pieces(said: Iterable[Said]) -> Iterator[tuple[float, str, str | None]]:
    for at_s, text in said:
        end = 0
        while end < len(text):
            found = _PIECE.match(text, end)
            if not found:
                raise ValueError(f"more than lines of text: {text[end : end + 20]!r}")
            code, newline, letters = found.groups()
            yield at_s, "\n" if newline else letters or "", code
            end = found.end()


def _cut(text: str, columns: int, used: int) -> Iterator[str]:
    room = columns - used or columns
    yield text[:room]
    for start in range(room, len(text), columns):
        yield text[start : start + columns]
