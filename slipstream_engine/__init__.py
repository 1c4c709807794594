"""The engine's packages, found ahead of any others of the same names.

A wheel holds `cli`, `devchain`, `services` and `shared` in this folder, where they are in nobody's
way; in a checkout they lie beside it. A `shared` or `services` of the user's own, where the command
is run or on the PYTHONPATH, is then neither taken for ours nor hidden by it from anybody else's
program.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent
_PLACES = [str(_HERE), str(_HERE.parent)]
_OURS = {"cli", "devchain", "services", "shared", "slipstream"}


class _Finder:
    """Finds our packages in our places only."""

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a package of ours lies, None for any other module."""
        return PathFinder.find_spec(name, _PLACES, target) if name in _OURS else None


sys.meta_path.insert(0, _Finder)


def command() -> None:
    """Run the command `slipstream`."""
    run("cli")


def run(module: str, *, as_program: bool = False) -> None:
    """Run a module of ours as `python -m` does; `as_program` gives it the process's own name, too.

    Exits with 1 and one line when what it needs is not installed.
    """
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=as_program)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] in _OURS:
            raise
        sys.exit(
            f"{missing}. Commands and services need an extra: pip install "
            "'slipstream-engine[local]' for all on one machine (`slipstream up`), or "
            "'slipstream-engine[server]' beside a Redis and a PostgreSQL of your own."
        )
