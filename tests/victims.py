"""Services as processes that cost little to start: forked from one that has imported everything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from multiprocessing import get_context

from shared.runtime import run_service
from shared.settings import ExecutorSettings

_context = get_context("forkserver")
_context.set_forkserver_preload(
    [__name__, "services.router.__main__", "services.executor.__main__"]
)


class Victim:
    """A process that runs the router or the executor."""

    def __init__(self, service: str, variables: Mapping[str, str]) -> None:
        self._process = _context.Process(target=_serve, args=(service, dict(variables)))
        self._process.start()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(service: str, variables: dict[str, str]) -> None:
    os.environ.update(variables)
    run_service(service, ExecutorSettings, import_module(f"services.{service}.__main__").main)
