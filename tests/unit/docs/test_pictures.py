"""A terminal's picture shows what was said, as a terminal would, and moves for nobody who minds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools.docs import ROOT
from tools.pictures.drawing import drawing
from tools.pictures.record import Said, record
from tools.pictures.screen import Row, Run, rows

_WIDE = """
import os
print(os.isatty(1), os.get_terminal_size().columns)
"""
_TERMINAL = "{http://www.w3.org/2000/svg}"


def test_a_command_that_is_recorded_sees_a_terminal_of_that_width(tmp_path: Path) -> None:
    said = record([sys.executable, "-c", _WIDE], {}, tmp_path, columns=77)

    assert "".join(text for _, text in said) == "True 77\r\n"


def test_a_command_that_fails_or_hangs_is_not_recorded(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        record(["/bin/sh", "-c", "exit 3"], {}, tmp_path, columns=80)
    with pytest.raises(TimeoutError):
        record(["/bin/sh", "-c", "read forever"], {}, tmp_path, columns=80, within_s=0.1)


def test_a_long_line_wraps_and_keeps_its_colour_and_the_time_of_its_first_letter() -> None:
    said = [Said(1.0, "\x1b[36mabcd"), Said(2.0, "efgh\x1b[0m\r\n"), Said(3.0, "ij\n")]

    assert rows(said, columns=5) == [
        Row(1.0, (Run("abcd", "36"), Run("e", "36"))),
        Row(2.0, (Run("fgh", "36"),)),
        Row(3.0, (Run("ij", ""),)),
    ]


def test_a_line_as_wide_as_the_screen_leaves_no_empty_row() -> None:
    assert [row.runs for row in rows([Said(0.0, "abcde\nf\n")], columns=5)] == [
        (Run("abcde", ""),),
        (Run("f", ""),),
    ]


def test_what_moves_the_cursor_is_refused() -> None:
    with pytest.raises(ValueError, match="more than lines of text"):
        rows([Said(0.0, "50 %\x1b[2K")], columns=80)


def test_nothing_of_the_picture_moves_where_reduced_motion_is_asked_for() -> None:
    picture = drawing("ls", [Row(0.0, (Run("a", ""),))], columns=80, slower=2, about="A terminal.")
    style = ET.fromstring(picture).findtext(f"{_TERMINAL}style") or ""
    always, _, moving = style.partition("@media (prefers-reduced-motion: no-preference)")

    assert "animation" in moving
    assert "animation" not in always


def test_each_row_appears_in_its_place_in_time() -> None:
    said = [Row(5.0, (Run("a", ""),)), Row(5.4, (Run("<b>", "32"),))]
    picture = drawing("ls", said, columns=80, slower=10, about="A terminal.")
    [whole_s] = {float(s) for s in re.findall(r"\.r\d \{ animation: r\d ([\d.]+)s", picture)}
    starts = [
        float(p) * whole_s / 100 for p in re.findall(r"@keyframes r\d .*? ([\d.]+)%, ", picture)
    ]

    assert starts[1] - starts[0] == pytest.approx(4.0, abs=0.02)
    assert '<tspan class="green">&lt;b&gt;</tspan>' in picture


def test_the_readme_shows_pictures_that_are_there_small_and_told_in_words() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r'<(?:img|source)[^>]*(?:src|srcset)="([^"]+)"', readme)

    assert len(re.findall(r'<img[^>]* alt="[^"]{20,}"', readme)) == readme.count("<img")
    assert {path.name for path in (ROOT / "docs/pictures").iterdir()} == {
        Path(path).name for path in shown
    }
    assert all((ROOT / path).stat().st_size < 300_000 for path in shown)
