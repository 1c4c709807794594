"""A command on a terminal of its own, and when it said each thing."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_ROWS = 40
_CHUNK = 65_536


class Said(NamedTuple):
    """What came at once, `at_s` seconds after the command was started."""

    at_s: float
    text: str


def record(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, columns: int, within_s: float = 60.0
) -> list[Said]:
    """Run a command to its end on a terminal of so many columns.

    Raises subprocess.CalledProcessError when it fails, and TimeoutError when it takes too long.
    """
    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
        began = time.monotonic()
        with subprocess.Popen(  # noqa: S603 - our own command
            argv,
            env={**env, "TERM": "xterm-256color"},
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            try:
                said = [Said(at - began, text) for at, text in _heard(ours, began + within_s)]
            except TimeoutError:
                process.kill()
                raise
    finally:
        os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv, "".join(t for _, t in said))
    return said


def _heard(terminal: int, deadline: float) -> Iterator[tuple[float, str]]:
    while True:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError("the command did not end in time")
        try:
            some = os.read(terminal, _CHUNK)
        except OSError:  # Linux's way to say that nobody has the terminal any more.
            return
        if not some:
            return
        yield time.monotonic(), some.decode()
