"""Services as processes that cost little to start: forked from one that has imported everything.

An interpreter of one's own costs half a second of a processor, and the tests start hundreds. A
forked process is otherwise the same: it has its own variables, loop, connections and output, and
can be paused and killed.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

SERVICES = ("gateway", "router", "executor", "notifier", "projector")

_context = get_context("forkserver")
_context.set_forkserver_preload([f"{__package__}.preloaded"])


class Forked:
    """A process that runs a service, as `python -m services.<name>` does in a shell."""

    def __init__(self, name: str, variables: Mapping[str, str], output: Path) -> None:
        given = (name, dict(variables), output)
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


def preload() -> None:
    """Import all that services are made of, but not as what they run as."""
    for name in SERVICES:
        main = f"services.{name}.__main__"
        import_module(main)
        del sys.modules[main]


def _serve(name: str, variables: dict[str, str], output: Path) -> None:
    os.environ.clear()
    os.environ.update(variables)
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    runpy.run_module(f"services.{name}", run_name="__main__", alter_sys=True)
