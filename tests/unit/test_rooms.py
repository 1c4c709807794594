"""Folders are rooms: few modules each, and a word on what they are for. Layers are in pyproject."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.processes import ROOT

_MOST = 13
_NARROW = ("services/gateway", "shared/archive", "shared/orders", "shared/streams")
ROOMS = sorted(
    file.parent
    for package in ("devchain", "services", "shared")
    for file in (ROOT / package).rglob("*.py")
    if file.name == "__init__.py"
)


def _name(room: Path) -> str:
    return str(room.relative_to(ROOT))


@pytest.mark.parametrize("room", ROOMS, ids=_name)
def test_every_room_says_what_it_is_for_and_more(room: Path) -> None:
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""

    assert said.count(".") >= 2


@pytest.mark.parametrize(
    "room",
    [r for r in ROOMS if _name(r).startswith(_NARROW)],
    ids=_name,
)
def test_no_room_of_gateway_log_archive_or_domain_is_crowded(room: Path) -> None:
    modules = [file for file in room.glob("*.py") if file.name != "__init__.py"]

    assert len(modules) <= _MOST
