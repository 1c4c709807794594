"""Pid files that tell the truth: one is locked for as long as the process it names lives.

The kernel drops the lock when the last process that holds it is gone, however it went, so a pid
that was used again is never mistaken for ours.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

_POLL_S = 0.02


def take(path: Path) -> int | None:
    """Lock `path` and return the open file, or None while another process holds it.

    Whoever inherits the returned file descriptor holds the lock too.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def write(fd: int, pid: int, stop_signal: signal.Signals = signal.SIGTERM) -> None:
    """Record in a locked file which process holds it, and how it is told to stop."""
    os.pwrite(fd, f"{pid:10} {stop_signal.value:3}\n".encode(), 0)


def holder(path: Path) -> int | None:
    """Return the pid of the process that holds `path`, or None when nobody does."""
    note = _note(path) if path.exists() and _is_held(path) else None
    return note[0] if note else None


def end_all(directory: Path, grace_s: float) -> list[str]:
    """End every process that holds a pid file in `directory`, and return their names.

    Those that take longer than `grace_s` are killed.
    """
    held = [path for path in sorted(directory.glob("*.pid")) if _is_held(path)]
    for path in held:
        _signal(path)
    deadline = time.monotonic() + grace_s
    while any(_is_held(path) for path in held) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    for path in held:
        if _is_held(path):
            _signal(path, signal.SIGKILL)
    return [path.stem for path in held]


def _is_held(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _note(path: Path) -> tuple[int, int] | None:
    words = path.read_text().split()
    return (int(words[0]), int(words[1])) if words else None


def _signal(path: Path, number: int | None = None) -> None:
    note = _note(path)
    if note is None:
        return
    pid, stop_signal = note
    # It may have ended by itself meanwhile.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number or stop_signal)
