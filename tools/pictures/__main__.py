"""Make the pictures of the README anew, from a stack on a development chain."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from cli.process import ours
from tests.support.cli import HOME, Up, folder, up
from tools.docs import ROOT
from tools.pictures.drawing import drawing
from tools.pictures.page import pictures
from tools.pictures.record import record
from tools.pictures.screen import rows

_THERE = ROOT / "docs" / "pictures"
_WORDS = ("submit", "SOL", "USDC", "1.5", "--watch")
_LOAD = ("load", "--rate", "4", "--duration", "300")
_COLUMNS, _SLOWER = 100, 10
_ABOUT = (
    "A terminal. The command prints the order's id, then a line for each thing that happens to it: "
    "pending, routing, building, submitted, confirmed, each with the seconds since the order came."
)
_CHAIN = {"CHAIN": "devchain"}


def recording(root: Path, env: dict[str, str]) -> None:
    """Write what `submit --watch` shows. A stack runs in a folder."""
    argv = ours("cli", *_WORDS)
    record(argv, env, root, _COLUMNS)  # The first order of a stack waits for what is asked once.
    screen = rows(record(argv, env, root, _COLUMNS), _COLUMNS)
    command = " ".join(("slipstream", *_WORDS))
    picture = drawing(command, screen, _COLUMNS, _SLOWER, _ABOUT)
    (_THERE / "submit.svg").write_text(picture)


def page(stack: Up, env: dict[str, str]) -> None:
    """Write what the page shows, light and dark."""
    url = stack.stack.gateways[0]
    asyncio.run(pictures(url, ours("cli", *_LOAD, "--url", url), env, _THERE))


def main() -> None:
    """Start a stack of its own and look at it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    _THERE.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **HOME}
    with folder() as root, up(root / ".slipstream", env=_CHAIN) as stack:
        recording(root, env)
        page(stack, env)


if __name__ == "__main__":
    main()
