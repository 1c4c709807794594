"""How pages are read as their readers see them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# A heading may ask a question, and the head of a column may be one word.
_NO_SENTENCE = re.compile(r"^#.*$|^\|.*\|\n(?=\|[ :|-]+\|$)", re.MULTILINE)
_BEGINNING = re.compile(
    r"(?:\A|\n\n|^ *(?:[-*]|\d+\.) |\| |[.?!][)\"*_`]*\s)[\s*_(\"\[]*"
    r"(?P<sentence>(?P<word>[A-Za-z]+)[^|.?!\n]*)",
    re.MULTILINE,
)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the names that links can lead to, as GitHub makes them of headings."""
    headings = _HEADING.findall(_CODE.sub("", page.read_text()))
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings
    )


def beginnings(text: str) -> dict[str, str]:
    """Return the beginning of each sentence of a page with its first word, in small letters."""
    prose = _NO_SENTENCE.sub("", _CODE.sub("", text))
    return {found["sentence"]: found["word"].lower() for found in _BEGINNING.finditer(prose)}
