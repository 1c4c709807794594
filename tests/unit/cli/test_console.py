"""What the command prints can be pasted, and read by programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.console import as_called, program

ROOT = Path(__file__).parents[3]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the command in a folder that is not on the PATH, called by its whole name."""
    command = tmp_path / "my venv" / "slipstream"
    command.parent.mkdir()
    command.touch(0o755)
    monkeypatch.setattr(sys, "argv", [str(command), "up"])
    return command


def test_printed_commands_work_where_the_command_is_not_on_the_path(installed: Path) -> None:
    said = as_called("none: start one with `slipstream up`\n  slipstream orders list")

    assert said == f"none: start one with `'{installed}' up`\n  '{installed}' orders list"


def test_on_the_path_the_name_is_enough(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))

    assert program() == "slipstream"


def test_another_command_of_that_name_on_the_path_is_not_meant(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slipstream").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert program() == f"'{installed}'"


def test_a_module_that_is_run_is_called_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(ROOT / "cli" / "__main__.py")])

    assert program() == f"{sys.executable} -m slipstream_engine cli"


def test_the_name_of_the_product_stays() -> None:
    assert as_called("Slipstream is up; slipstream-engine 1.0") == (
        "Slipstream is up; slipstream-engine 1.0"
    )


def test_make_up_takes_a_port() -> None:
    make = ("make", "--dry-run", "--no-print-directory", "-C", str(ROOT), "up")
    plain, with_port = [
        subprocess.run([*make, *more], capture_output=True, text=True, check=True).stdout
        for more in ([], ["PORT=8123"])
    ]

    assert "--port" not in plain
    assert "slipstream up --port 8123" in with_port
