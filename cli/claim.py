"""A data directory belongs to one stack at a time, and to nobody once that stack is gone."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from cli import locks
from cli.console import Say, Trouble
from cli.layout import SERVER_GRACE_S, SERVICE_GRACE_S, Layout
from cli.process import ours

_POLL_S = 0.1


class Claim:
    """The right to use a data directory, and the watchdog that cleans up if we are killed."""

    def __init__(self, lock: int, watchdog: subprocess.Popen[bytes]) -> None:
        self._lock = lock
        self._watchdog = watchdog

    @classmethod
    async def take(cls, layout: Layout, say: Say, *, temporary: bool) -> Self:
        """Claim the directory, and end what a killed stack left there.

        Raises `Trouble` while another stack uses it.
        """
        with _usable(layout):
            layout.make()
        lock = await _lock(layout, say)
        locks.write(lock, os.getpid())
        left = locks.end_all(layout.services, SERVICE_GRACE_S)
        left += locks.end_all(layout.servers, SERVER_GRACE_S)
        if left:
            say("note", f"ended what a killed run had left: {', '.join(left)}")
        with _usable(layout):
            layout.tighten()
        return cls(lock, _start_watchdog(layout, lock, temporary=temporary))

    async def release(self) -> None:
        """Give the directory back. A temporary one is gone after this."""
        if self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
        await asyncio.to_thread(self._watchdog.wait)
        os.close(self._lock)


@contextmanager
def _usable(layout: Layout) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        path = error.filename or layout.root
        raise Trouble(
            f"{path} cannot be used: {error.strerror}. Give another --data-dir."
        ) from error


async def _lock(layout: Layout, say: Say) -> int:
    deadline = asyncio.get_running_loop().time() + SERVICE_GRACE_S + SERVER_GRACE_S
    waiting = False
    while (lock := locks.take(layout.lock)) is None:
        pid = locks.holder(layout.lock)
        if pid is not None and _is_alive(pid):
            raise Trouble(
                f"{layout.root} is in use by pid {pid}: stop that one, or give another --data-dir."
            )
        if asyncio.get_running_loop().time() > deadline:
            raise Trouble(f"{layout.root} is still being cleaned up after a killed run.")
        if pid is not None and not waiting:  # Else its holder is about to say who it is.
            waiting = True
            say("note", "waiting for what a killed run had left to end")
        await asyncio.sleep(_POLL_S)
    return lock


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start_watchdog(layout: Layout, lock: int, *, temporary: bool) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [
            *ours("cli.watchdog", str(layout.root)),
            *(["--temporary"] if temporary else []),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(lock,),
        start_new_session=True,
    )
