"""`python -m bench.client MODE --base http://...`: prints what it found as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from bench.client.closed import SUBMIT, batches, ingest, sockets, to_end
from bench.client.feed import feed
from bench.client.idle import ws
from bench.client.open_loop import latency

_MODES = {
    "ingest": ingest,
    "hello": ingest,
    "batch": batches,
    "socket": sockets,
    "latency": latency,
    "ws": ws,
    "feed": feed,
    **{name: to_end(submit) for name, submit in SUBMIT.items()},
}


def main() -> None:
    """Run it from the command line."""
    try:
        import uvloop as loops  # noqa: PLC0415 - not on every platform
    except ImportError:
        run = asyncio.run
    else:
        run = loops.run
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=_MODES)
    for name in ("base", "body", "db", "done-sql", "events-sql", "end-sql", "mux-msg"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--path", default="/api/orders/execute")
    parser.add_argument("--ws-path", default="/api/orders/:id/ws")
    parser.add_argument("--sub", choices=("ws", "mux"), default="ws")
    parser.add_argument("--mux-conns", type=int, default=1, choices=(1,))
    parser.add_argument("--same-order", action="store_true")
    for name, number in {"n": 20_000, "c": 64, "k": 1_000, "pid": 0, "batch": 500}.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    for name, number in {"under-way": 100, "windows": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    for name, seconds in {"rate": 50.0, "secs": 20.0, "warmup": 3.0, "hold": 5.0}.items():
        parser.add_argument(f"--{name}", type=float, default=seconds)
    parser.add_argument("--drain", type=float, default=30.0)
    asked = parser.parse_args()
    result = run(_MODES[asked.mode](asked))
    print(json.dumps({**result, "driver_cpu_s": time.process_time()}))


if __name__ == "__main__":
    main()
