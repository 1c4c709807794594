"""Which paths a stack's data may lie at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.console import Trouble
from cli.options import usable


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/jane")

    assert usable(Path("~/data")) == Path("/home/jane/data")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("new\nline", r"'/.*new\\nline' has control characters in it"),
        (os.fsdecode(b"caf\xe9"), "is not UTF-8"),
        ("long/" * 200, "may have 900 bytes"),
        ("~nobody-of-this-name/data", "home"),
    ],
)
def test_what_cannot_be_written_into_settings_is_refused_in_one_line(path: str, why: str) -> None:
    with pytest.raises(Trouble, match=why) as refused:
        usable(Path(path))

    assert "\n" not in str(refused.value)
    str(refused.value).encode()


def test_a_link_that_leads_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    with pytest.raises(Trouble, match="loop"):
        usable(tmp_path / "loop")
