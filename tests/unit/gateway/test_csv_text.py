"""Lines of CSV: what comes out of them is what went in, and no spreadsheet runs it."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.http.csv_text import csv_lines

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1))
def test_any_text_is_read_back_but_for_an_apostrophe(rows: list[tuple[str, str]]) -> None:
    written = csv_lines(rows).decode()
    read = list(csv.reader(StringIO(written, newline="")))

    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]


@given(TEXTS)
def test_no_text_begins_like_a_formula(text: str) -> None:
    [[cell, _]] = csv.reader(StringIO(csv_lines([(text, "x")]).decode(), newline=""))

    assert not cell.startswith(("=", "+", "@", "\t", "\r"))
    assert not cell.startswith("-") or float(cell) <= 0


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (17, "17"),
        ("-1.20", "-1.20"),
        ("0.000000001", "0.000000001"),
        ("=1+1", "'=1+1"),
        ("-1+1", "'-1+1"),
        ('say "a, b"', '"say ""a, b"""'),
    ],
)
def test_a_cell_is_written_as_json_says_it(value: object, written: str) -> None:
    assert csv_lines([(value, "x")]) == f"{written},x\r\n".encode()
