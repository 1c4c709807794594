"""Show what the processes of a stack log, as they log it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cli.console import Say

_EVERY_S = 0.2


async def follow(logs: Path, say: Say) -> None:
    """Say every new line of every log file in `logs`, under the name of its file, for ever."""
    read: dict[Path, int] = {}  # How many bytes of each file were shown.
    while True:
        _say_new(logs, read, say)
        await asyncio.sleep(_EVERY_S)


def _say_new(logs: Path, read: dict[Path, int], say: Say) -> None:
    for path in sorted(logs.glob("*.log")):
        read[path] = _new_lines(path, read.get(path, 0), say)


def _new_lines(path: Path, start: int, say: Say) -> int:
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                break  # The rest of it is not written yet.
            start += len(line)
            say(path.stem, line.decode(errors="replace").rstrip())
    return start
