"""Measure the page: `python -m bench.page cpu` or `python -m bench.page frames`.

`cpu` loads a stack for some minutes, the page open in every second turn, and prints the gateway's
CPU time with it over that without. `frames` fills the list, lets events come, and prints how long
the page's frames and tasks took; it ends with 1 when a task took longer than 200 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench.ours import ZERO_DELAY, Slipstream
from bench.page.frames import frames
from bench.page.gateway_cpu import gateway_cpu


async def _run(asked: argparse.Namespace, root: Path) -> int:
    system = Slipstream(root / "ours", lambda kind, text: print(f"{kind:<9} {text}", flush=True))
    async with system.servers as servers:
        servers.sync("everysec")
        try:
            await system.start(ZERO_DELAY)
            if asked.what == "cpu":
                await gateway_cpu(system, asked.minutes, asked.rate, asked.turn)
                return 0
            return int(not await frames(system, asked.orders, asked.events, asked.seconds))
        finally:
            await system.stop()


def main() -> int:
    """Run it from the command line, and return its exit code."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    of = asked.add_subparsers(dest="what", required=True)
    cpu = of.add_parser("cpu")
    cpu.add_argument("--minutes", type=float, default=10.0, help="of load, half with the page")
    cpu.add_argument("--rate", type=float, default=200.0, help="orders a second")
    cpu.add_argument("--turn", type=float, default=60.0, help="seconds of each turn")
    drawn = of.add_parser("frames")
    drawn.add_argument("--orders", type=int, default=10_000, help="in the list beforehand")
    drawn.add_argument("--events", type=float, default=500.0, help="a second")
    drawn.add_argument("--seconds", type=float, default=60.0, help="half of them scrolling")
    with tempfile.TemporaryDirectory(prefix="slipstream-bench-") as root:
        return asyncio.run(_run(asked.parse_args(), Path(root)))


if __name__ == "__main__":
    sys.exit(main())
