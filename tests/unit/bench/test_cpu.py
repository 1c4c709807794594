"""What a process uses is counted with its children, dead or alive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.cpu import Meter, family, rss_mb

BURN = "import time\nwhile time.process_time() < 0.3: pass"
PARENT = f"""
import subprocess, sys
for line in sys.stdin:
    if line == "burn\\n":
        subprocess.run([sys.executable, "-c", {BURN!r}])
    else:
        subprocess.Popen(["sleep", "600"])
    print("done", flush=True)
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        tell(process, "begin")
        members = family(process.pid)
        try:
            yield process
        finally:
            for pid in reversed(members):
                subprocess.run(["kill", str(pid)], check=True)


def tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(word + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def test_a_child_that_has_ended_counts_for_its_parent(parent: subprocess.Popen[str]) -> None:
    meter = Meter({"parent": parent.pid})

    tell(parent, "burn")

    assert meter.read().cpu_s["parent"] >= 0.28


def test_what_was_used_before_does_not_count(parent: subprocess.Popen[str]) -> None:
    tell(parent, "burn")

    assert Meter({"parent": parent.pid}).read().cpu_s["parent"] < 0.1


def test_what_is_beside_a_system_is_not_foreign(parent: subprocess.Popen[str]) -> None:
    used = Meter({"parent": parent.pid}).read(driver=1_000.0)

    assert used.cpu_s["driver"] == 1_000
    assert used.foreign_s == 0


def test_a_family_is_everybody_below_the_eldest(parent: subprocess.Popen[str]) -> None:
    found = family(parent.pid)

    assert found[0] == parent.pid
    assert len(found) == 2


def test_a_running_process_takes_memory(parent: subprocess.Popen[str]) -> None:
    assert rss_mb(parent.pid) > 1
