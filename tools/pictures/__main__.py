"""Make the pictures of the README anew, from a stack on a development chain."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cli.process import ours
from tests.support.cli import HOME, folder, up
from tools.docs import ROOT
from tools.pictures.drawing import drawing
from tools.pictures.record import record
from tools.pictures.screen import rows

_THERE = ROOT / "docs" / "pictures"
_WORDS = ("submit", "SOL", "USDC", "1.5", "--watch")
_COLUMNS, _SLOWER = 100, 10
_ABOUT = (
    "A terminal. The command prints the order's id, then a line for each thing that happens to it: "
    "pending, routing, building, submitted, confirmed, each with the seconds since the order came."
)
_CHAIN = {"CHAIN": "devchain"}


def recording(root: Path, there: Path) -> None:
    """Write what `submit --watch` shows, to a file. A stack runs in a folder."""
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **HOME}
    argv = ours("cli", *_WORDS)
    record(argv, env, root, _COLUMNS)  # The first order of a stack waits for what is asked once.
    screen = rows(record(argv, env, root, _COLUMNS), _COLUMNS)
    command = " ".join(("slipstream", *_WORDS))
    there.write_text(drawing(command, screen, _COLUMNS, _SLOWER, _ABOUT))


def main() -> None:
    """Start a stack of its own and look at it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.parse_args()
    _THERE.mkdir(exist_ok=True)
    with folder() as root, up(root / ".slipstream", env=_CHAIN):
        recording(root, _THERE / "submit.svg")


if __name__ == "__main__":
    main()
