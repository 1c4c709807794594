"""The command line as its users run it: in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli import locks, running
from cli.layout import Layout
from cli.process import ours
from tests.support.forked import run_command
from tests.support.servers import free_port

# The simulated chain is the one that costs no process, and nothing waits for its venues; nothing of
# the machine's own settings comes in.
FAST = {
    "CHAIN": "simulated",
    "VENUE_QUOTE_MS": "0",
    "VENUE_SWAP_MS_MIN": "0",
    "VENUE_SWAP_MS_MAX": "0",
    "CONFIRM_POLL_MS": "10",
    "PARTITIONS": "4",
}
_OURS = ("REDIS_URL", "DATABASE_URL", "SLIPSTREAM_URL", "NAMESPACE", "XDG_CONFIG_HOME")
ON_DEVCHAIN = {**FAST, "CHAIN": "devchain"}
_home = tempfile.TemporaryDirectory(prefix="slip")
HOME = {"HOME": _home.name}  # Nobody's own stacks are found.
_START_S = 120.0


@contextmanager
def folder() -> Iterator[Path]:
    """Make a directory outside pytest's own, which pytest closes to every other user.

    Run by root, PostgreSQL is another user.
    """
    with tempfile.TemporaryDirectory(prefix="slip") as path:
        yield Path(path)


def command(
    *words: str | Path, env: Mapping[str, str] = FAST, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `slipstream` to its end, in a process that costs little to start."""
    with folder() as said:
        given = [str(word) for word in words]
        code = run_command(given, _environment(env), cwd or Path.cwd(), said)
        out, err = ((said / name).read_text() for name in ("out", "err"))
    return subprocess.CompletedProcess(given, code, out, err)


def in_an_interpreter(
    *words: str | Path, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run `slipstream` to its end as a shell does, with an interpreter of its own."""
    return subprocess.run(
        _argv(*words),
        env=_environment(FAST),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@contextmanager
def started(*words: str, env: Mapping[str, str] = FAST) -> Iterator[subprocess.Popen[str]]:
    """Start `slipstream` and let the test end it; it does not outlive the test."""
    with subprocess.Popen(
        _argv(*words),
        env=_environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _argv(*words: str | Path) -> list[str]:
    return list(ours("cli", *map(str, words)))


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**kept, **HOME, **env}


@contextmanager
def stack_in(data_dir: Path, address: str, *, killed: bool = False, **also: str) -> Iterator[str]:
    """Let it look as if `slipstream up` ran on a directory, and ended or was killed."""
    layout = Layout(data_dir)
    layout.make()
    lock = locks.take(layout.lock)
    assert lock is not None
    locks.write(lock, os.getpid())
    stack = running.RunningStack(
        pid=os.getpid(),
        gateways=[f"http://{address}"],
        redis_url="",
        database_url="",
        health={},
        **also,
    )
    running.publish(layout, stack)
    yield str(data_dir.resolve())
    if not killed:
        running.withdraw(layout)
    os.close(lock)


class Up:
    """A `slipstream up` that runs."""

    def __init__(self, data_dir: Path, process: subprocess.Popen[str]) -> None:
        self.layout = Layout(data_dir)
        self.process = process

    @property
    def stack(self) -> running.RunningStack:
        found = running.find(self.layout.root)
        assert found is not None, "the stack is not up"
        return found

    def output(self) -> str:
        return _output_of(self.layout.root).read_text()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def pid(self, service: str) -> int:
        pid = locks.holder(self.layout.services / f"{service}.pid")
        assert pid is not None, f"{service} does not run"
        return pid

    def alive(self) -> list[str]:
        """Return the names of everything that the stack has running."""
        files = [*self.layout.services.glob("*.pid"), *self.layout.servers.glob("*.pid")]
        return sorted(path.stem for path in files if locks.holder(path) is not None)


@contextmanager
def up(data_dir: Path, *words: str, env: Mapping[str, str] = FAST) -> Iterator[Up]:
    """Run a stack, ready to be used; at the end, nothing of it is left."""
    if "--port" not in words:
        words = (*words, "--port", str(free_port()))  # Two at a time would take the same.
    with _output_of(data_dir).open("w") as output:
        process = subprocess.Popen(
            _argv("up", "--data-dir", data_dir, *words),
            env=_environment(env),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    stack = Up(data_dir, process)
    try:
        _await_ready(stack)
        yield stack
    finally:
        if process.poll() is None:
            stack.interrupt()
        process.wait(_START_S)


def _output_of(data_dir: Path) -> Path:
    return data_dir.with_suffix(".out")


def _await_ready(stack: Up) -> None:
    deadline = time.monotonic() + _START_S
    while "Ctrl-C ends everything" not in stack.output():
        assert stack.process.poll() is None, stack.output()
        assert time.monotonic() < deadline, stack.output()
        time.sleep(0.05)
