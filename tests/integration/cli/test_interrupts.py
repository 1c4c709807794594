"""Ctrl-C, at any time from a command's first moments on: no traceback, and 130."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from cli import locks
from cli.layout import Layout
from tests.support.cli import folder, started
from tests.support.eventually import eventually

# Interrupts itself when it imports a module.
_PROGRAM = """
import os, signal, sys
from slipstream_engine import command
module, *words = sys.argv[1:]
class Finder:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv = ["slipstream", *words]
command()
"""


# The first and the last of what is imported, and a library that turns what it meets into errors.
@pytest.mark.parametrize("module", ["cli.main", "typer", "pydantic", "cli.watch"])
def test_a_command_that_still_imports_ends_without_a_word(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM, module, "doctor"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


async def test_a_command_that_waits_for_an_answer_ends_without_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started("stats", "--url", url) as process:
            link, _ = await asyncio.to_thread(silent.accept)
            process.send_signal(signal.SIGINT)
            said = await asyncio.to_thread(process.communicate, timeout=60)
            link.close()

    assert (process.returncode, *said) == (130, "", "")


async def test_an_order_that_waits_for_its_answer_can_be_placed_again_without_a_second_one() -> (
    None
):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started("submit", "SOL", "USDC", "1", "--url", url) as process:
            link, _ = await asyncio.to_thread(silent.accept)
            sent = (await asyncio.to_thread(link.recv, 65_536)).decode().lower()
            process.send_signal(signal.SIGINT)
            said, why = await asyncio.to_thread(process.communicate, timeout=60)
            link.close()
    [key] = re.findall(r"idempotency-key: (\S+)", sent)

    assert (process.returncode, said) == (130, "")
    assert f"--key {key}" in why


async def test_a_stack_that_still_starts_ends_in_good_order() -> None:
    with folder() as root, started("up", "--data-dir", str(root / "data")) as process:
        await eventually((root / "data" / "lock").exists)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.to_thread(process.communicate, timeout=60)
        left = locks.end_all(Layout(root / "data").servers, grace_s=0)

    assert (process.returncode, err) == (0, "")
    assert "nothing is left running" in out
    assert left == []


def test_a_command_that_asks_ends_at_its_question() -> None:
    leader, follower = os.openpty()
    ours = "import slipstream_engine\nfrom cli.console import *\n"
    ask = f"{ours}async def ask(): return confirm('Go on?')\nrun(ask())"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", ask], stdin=follower, stderr=follower, text=True
    ) as process:
        assert b"Go on?" in os.read(leader, 100)
        process.send_signal(signal.SIGINT)

        assert process.wait(60) == -signal.SIGINT  # Which a shell calls 130.
    os.close(leader)
    os.close(follower)
