"""Log lines: their times are those of everything else."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator

import pytest

from shared.observability.logs import JsonLines, Lines


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_times_are_in_utc_wherever_the_machine_is(elsewhere: None) -> None:
    record = logging.makeLogRecord({"created": 1_767_268_800.25, "msg": "x", "levelname": "INFO"})

    assert json.loads(JsonLines().format(record))["at"] == "2026-01-01T12:00:00.250Z"
    assert Lines("%(asctime)s %(message)s").format(record) == "2026-01-01T12:00:00.250Z x"
