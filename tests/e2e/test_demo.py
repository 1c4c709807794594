"""`slipstream demo`, from a shell's point of view."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import FAST, ON_DEVCHAIN, command, folder

SCALE = ["--scale", "router=2", "--scale", "executor=2", "--scale", "projector=2"]


@pytest.fixture(autouse=True)
def temporary_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with folder() as path:
        monkeypatch.setenv("TMPDIR", str(path))
        yield path


def test_every_promise_holds_with_several_of_a_service_and_nothing_is_left(
    temporary_files: Path,
) -> None:
    ran = command("demo", "--orders", "60", *SCALE, env=ON_DEVCHAIN)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "60 confirmed" in ran.stdout
    assert "ok        every order was swapped exactly once" in ran.stdout
    assert "\x1b" not in ran.stdout
    assert list(temporary_files.iterdir()) == []


def test_orders_that_fail_on_the_chain_are_not_swapped_and_others_are() -> None:
    env = {**FAST, "VENUE_FAULTS": "*.fails_on_chain=0.5"}
    ran = command("demo", "--json", "--orders", "60", env=env)
    result: dict[str, Any] = json.loads(ran.stdout)

    assert (ran.returncode, result["ok"]) == (0, True)
    assert all(check["holds"] for check in result["checks"])
    assert result["outcomes"].keys() == {"confirmed", "failed"}
    assert sum(result["venues"].values()) == result["outcomes"]["confirmed"]
    assert sum(result["outcomes"].values()) == 60
