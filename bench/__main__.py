"""Measure Slipstream beside the forerunners' design: `python -m bench`, see bench/README.md."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from bench.about import about
from bench.drive import Drivers
from bench.peer import install
from bench.report import write
from bench.run import Bench
from bench.sizes import FULL, QUICK, USUAL
from bench.workloads.devchain import devchain
from bench.workloads.floors import floors
from bench.workloads.forerunners import forerunners
from bench.workloads.history import history
from bench.workloads.idle import fan_out, idle_sockets
from bench.workloads.latency import latency
from bench.workloads.recovery import recovery
from bench.workloads.throughput import intake, throughput
from cli.console import Trouble
from cli.signals import interruptible

_HOME = Path(__file__).parent.parent
_PEER = _HOME.parent / "shared" / "peers"
WORKLOADS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "throughput": throughput,
    "intake": intake,
    "latency": latency,
    "forerunners": forerunners,
    "history": history,
    "recovery": recovery,
    "idle": idle_sockets,
    "fan-out": fan_out,
    "devchain": devchain,
    "floors": floors,
}


async def _run(asked: argparse.Namespace, root: Path) -> None:
    sizes = FULL if asked.full else QUICK if asked.quick else USUAL
    sizes = sizes._replace(pairs=asked.pairs or sizes.pairs, orders=asked.orders or sizes.orders)
    began = monotonic()
    peer = await install(Path(os.environ.get("PEER_DIR", _PEER)), _HOME / ".bench" / "peer")
    bench = Bench(
        root=root,
        peer_home=peer,
        against=asked.against,
        sizes=sizes,
        drivers=Drivers(peer),
        say=_say,
    )
    if peer is None:
        _say("note", "no peer at PEER_DIR, or no node: Slipstream is measured alone")
    facts = about(sizes, peer)
    # What is not whole must not take the place of what is.
    whole = sizes in {USUAL, FULL} and asked.only == list(WORKLOADS) and not asked.against
    results = asked.results or _HOME / ("bench" if whole else ".bench") / "results"
    for name in asked.only:
        await WORKLOADS[name](bench)
        facts["minutes"] = round((monotonic() - began) / 60, 1)
        # After each, so that a run that is cut short has shown something.
        write(results, bench.found, facts)
        _say("done", f"{name}, after {facts['minutes']} minutes")
    _say("results", str(results / "results.md"))


async def _interruptible(asked: argparse.Namespace, root: Path) -> int:
    # What runs is ended on the way out; a second Ctrl-C leaves that to the watchdogs.
    with interruptible(lambda: os._exit(130)):
        try:
            await _run(asked, root)
        except Trouble as trouble:
            _say("failed", str(trouble))
            return 1
        except asyncio.CancelledError:
            _say("ended", "nothing is left running")
            return 130
    return 0


def _say(kind: str, text: str) -> None:
    print(f"{kind:<42} {text}", flush=True)


def _workloads(words: str) -> list[str]:
    names = words.split(",")
    if unknown := set(names) - set(WORKLOADS):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose of {', '.join(WORKLOADS)}")
    return names


def _checkout(words: str) -> Path:
    if not (Path(words) / "services").is_dir():
        raise argparse.ArgumentTypeError(f"{words} is no checkout of Slipstream")
    return Path(words)


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=_workloads, default=list(WORKLOADS), help="with commas")
    parser.add_argument("--pairs", type=int, help="turns of each system")
    parser.add_argument("--orders", type=int, help="orders of a turn")
    parser.add_argument("--quick", action="store_true", help="does it work at all?")
    parser.add_argument("--full", action="store_true", help="everything")
    parser.add_argument(
        "--against", type=_checkout, help="another checkout of Slipstream, in the peer's place"
    )
    parser.add_argument("--results", type=Path, help="directory")
    # Thousands of sockets; what is started here may have as many.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="slip") as folder:
        sys.exit(asyncio.run(_interruptible(parser.parse_args(), Path(folder))))


if __name__ == "__main__":
    main()
