"""Ends what a killed `slipstream up` left running.

It is started beside the stack and reads a pipe that nobody writes to. The pipe ends when `up` is
gone, even by SIGKILL. It shares the lock of the data directory, so the next `up` waits for it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cli import locks
from cli.layout import SERVER_GRACE_S, SERVICE_GRACE_S, Layout


def main(data_dir: Path, *, temporary: bool) -> None:
    """Wait for the end of standard input, then end the stack in `data_dir`."""
    sys.stdin.buffer.read()
    layout = Layout(data_dir)
    locks.end_all(layout.services, SERVICE_GRACE_S)
    locks.end_all(layout.servers, SERVER_GRACE_S)
    if temporary:
        shutil.rmtree(data_dir, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), temporary="--temporary" in sys.argv[2:])
