"""Measure Slipstream beside the forerunners' design: `python -m bench`."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from bench.drive import Drivers
from bench.ours import ZERO_DELAY
from bench.peer import BEST, install
from bench.peer import ZERO_DELAY as PEER_ZERO_DELAY
from bench.run import Bench, Settings
from bench.workloads.throughput import intake, throughput

_HOME = Path(__file__).parent.parent
_PEER = _HOME.parent / "shared" / "peers"
WORKLOADS = {"throughput": throughput, "intake": intake}


async def _run(asked: argparse.Namespace, root: Path) -> None:
    peer = await install(Path(os.environ.get("PEER_DIR", _PEER)), _HOME / ".bench" / "peer")
    bench = Bench(
        root=root,
        peer_home=peer,
        pairs=asked.pairs,
        orders=asked.orders,
        fastest=Settings(ZERO_DELAY, PEER_ZERO_DELAY | BEST),
        drivers=Drivers(peer),
        say=lambda kind, text: print(f"{kind:<12} {text}", flush=True),
    )
    for name in asked.only.split(","):
        await WORKLOADS[name](bench)


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--orders", type=int, default=20_000)
    with tempfile.TemporaryDirectory(prefix="slip") as folder:
        asyncio.run(_run(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
