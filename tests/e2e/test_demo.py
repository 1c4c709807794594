"""`slipstream demo`, from a shell's point of view."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import FAST, command, folder

SCALE = [
    *("--scale", "gateway=2", "--scale", "router=2", "--scale", "executor=3"),
    *("--scale", "notifier=2", "--scale", "projector=2"),
]


@pytest.fixture(autouse=True)
def temporary_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with folder() as path:
        monkeypatch.setenv("TMPDIR", str(path))
        yield path


def demo(*words: str, **env: str) -> dict[str, Any]:
    ran = command("demo", "--json", "--orders", "30", *words, env={**FAST, **env})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


def test_every_promise_holds_and_nothing_is_left(temporary_files: Path) -> None:
    result = demo()

    assert result["ok"] is True
    assert result["outcomes"] == {"confirmed": 30}
    assert sum(result["venues"].values()) == 30
    assert all(check["holds"] for check in result["checks"])
    assert list(temporary_files.iterdir()) == []


def test_every_promise_holds_with_several_of_each_service_and_is_told_in_plain_text() -> None:
    ran = command("demo", "--orders", "60", *SCALE)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "60 confirmed" in ran.stdout
    assert "ok        every order was swapped exactly once" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_orders_that_fail_on_the_chain_are_not_swapped() -> None:
    result = demo(VENUE_FAULTS="*.fails_on_chain=1")

    assert result["outcomes"] == {"failed": 30}
    assert result["venues"] == {}
