"""Lines of CSV (RFC 4180), harmless in spreadsheets."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

CSV = "text/csv; charset=utf-8; header=present"

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows of JSON values as lines: null is empty, a truth value `true` or `false`.

    A text that a spreadsheet would take for a formula gets an apostrophe in front: others name
    their orders, and that must not run on the machine of whoever opens the file.
    """
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_cell(one) for one in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case str() if value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
            return f"'{value}"
        case _:
            return value
