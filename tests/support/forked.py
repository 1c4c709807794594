"""Programs of ours as processes that cost little to start: forked from one that has imported all.

An interpreter of one's own costs half a second of a processor, and the tests start hundreds. A
forked process is otherwise the same: it has its own variables, loop, connections and output, and
can be paused and killed.
"""

from __future__ import annotations

import os
import pkgutil
import runpy
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

_ROOT = Path(__file__).parents[2]
SERVICES = ("gateway", "router", "executor", "notifier", "projector")

_context = get_context("forkserver")
_context.set_forkserver_preload([f"{__package__}.preloaded"])


class Forked:
    """A process that runs a service, as `python -m services.<name>` does in a shell.

    `before`, a function of a module, is called there first: it may break something.
    """

    def __init__(
        self,
        name: str,
        variables: Mapping[str, str],
        output: Path,
        before: Callable[[], None] | None = None,
    ) -> None:
        given = (f"services.{name}", dict(variables), output, before)
        self._process = _context.Process(target=_serve, args=given, daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self) -> int:
        """Return its exit code, once it has ended."""
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            assert self._process.pid is not None
            with suppress(ProcessLookupError):  # It ended meanwhile, and not everybody knows yet.
                os.kill(self._process.pid, number)

    def terminate(self) -> None:
        """Ask it to leave."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def run_command(words: Sequence[str], variables: Mapping[str, str], cwd: Path, said: Path) -> int:
    """Run `slipstream` to its end in such a process, and return its exit code.

    `said` is a folder; it says what it has to say into its files `out` and `err`.
    """
    given = (list(words), dict(variables), cwd, said)
    process = _context.Process(target=_command, args=given, daemon=True)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def preload() -> None:
    """Import all that programs are made of, but not as what they run as."""
    for name in SERVICES:
        main = f"services.{name}.__main__"
        import_module(main)
        del sys.modules[main]
    for _, name, _ in pkgutil.walk_packages([str(_ROOT / "cli")], "cli."):
        import_module(name)
    # A command finds out by itself, as it begins, where it writes to.
    for name in [name for name in sys.modules if name.partition(".")[0] == "cli"]:
        del sys.modules[name]


def _serve(
    module: str, variables: dict[str, str], output: Path, before: Callable[[], None] | None
) -> None:
    _become(variables, output, output)
    if before:
        before()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _command(words: list[str], variables: dict[str, str], cwd: Path, said: Path) -> None:
    _become(variables, said / "out", said / "err")
    os.chdir(cwd)
    sys.argv = ["slipstream", "cli", *words]
    runpy.run_module("slipstream_engine", run_name="__main__", alter_sys=True)


def _become(variables: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(variables)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
