"""Start a program, keep it running, and end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import locks
from cli.console import Say, Trouble

_BACKOFF_S = 0.5
_BACKOFF_CAP_S = 30.0
_STEADY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start, and how it ends."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    pid_file: Path
    log_file: Path
    grace_s: float
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None


def ours(module: str, *words: str) -> tuple[str, ...]:
    """Return the command that runs a module of ours, whatever lies where the user stands."""
    return (sys.executable, "-P", "-m", "slipstream_engine", module, *words)


class Keeper:
    """Keeps one program running: starts it again, ever more slowly, when it dies."""

    def __init__(self, program: Program, say: Say) -> None:
        self.program = program
        self.deaths = 0
        self._say = say
        self._stop = asyncio.Event()
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the program. Raises `Trouble` when it cannot be started at all."""
        keep_old_log(self.program.log_file)
        self._process = await launch(self.program)
        self._task = asyncio.create_task(self._keep(self._process))

    async def stop(self) -> None:
        """Tell the program to end, and wait for it; kill it when its grace is over."""
        self._stop.set()
        if self._task is not None:
            await self._task

    def kill(self) -> None:
        """End the program at once."""
        self._stop.set()
        if self._process is not None:
            _signal(self._process, signal.SIGKILL)

    async def _keep(self, process: Process | None) -> None:
        backoff_s = _BACKOFF_S
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            if process is not None:
                if not await self._died(process):
                    return
                self._say("note", f"{_obituary(self.program, process)}; again in {backoff_s:g} s")
            if loop.time() - started > _STEADY_S:
                backoff_s = _BACKOFF_S
            if await self._told_to_stop(within_s=backoff_s):
                return
            backoff_s = min(backoff_s * 2, _BACKOFF_CAP_S)
            process = await self._start_again()

    async def _start_again(self) -> Process | None:
        try:
            self._process = await launch(self.program)
        except (Trouble, OSError) as error:
            self._say("note", f"{self.program.name} cannot be started yet: {error}")
            return None
        self._say("ready", f"{self.program.name} runs again, as pid {self._process.pid}")
        return self._process

    async def _died(self, process: Process) -> bool:
        """Wait for the end of `process`. Return whether it came without our asking."""
        death = asyncio.create_task(process.wait())
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({death, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not self._stop.is_set():
            self.deaths += 1
            return True
        await _end(process, self.program)
        await death
        return False

    async def _told_to_stop(self, *, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                return await self._stop.wait()
        except TimeoutError:
            return False


async def launch(program: Program) -> Process:
    """Start a program that holds its pid file, in a session of its own.

    A terminal's Ctrl-C does not reach it. Raises `Trouble` when its name is taken.
    """
    lock = locks.take(program.pid_file)
    if lock is None:
        raise Trouble(f"{program.name} is running already, as pid {locks.holder(program.pid_file)}")
    try:
        with program.log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env=program.env,
                pass_fds=(lock,),
                start_new_session=True,
                **as_user(program.user),
            )
        locks.write(lock, process.pid, program.stop_signal)
    finally:
        os.close(lock)
    return process


def keep_old_log(path: Path) -> None:
    """Put the log of an earlier run aside, as `<name>.log.1`."""
    if path.exists():
        path.replace(path.with_suffix(".log.1"))


def as_user(user: str | None) -> dict[str, Any]:
    """Return what makes a subprocess run as `user`; None is oneself."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()}


async def _end(process: Process, program: Program) -> None:
    _signal(process, program.stop_signal)
    try:
        async with asyncio.timeout(program.grace_s):
            await process.wait()
    except TimeoutError:
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    # Not by asyncio's own method, which may reap the process before its watcher does.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _obituary(program: Program, process: Process) -> str:
    code = process.returncode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"{program.name} (pid {process.pid}) {how}, see {program.log_file}"
