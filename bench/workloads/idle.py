"""What thousands of sockets cost that have nothing to say, and how one end reaches them all."""

from __future__ import annotations

from typing import Any

from bench.run import Bench, Settings
from bench.system import System
from bench.workloads.turns import turn

_SOME = 1_000
_SWAP_MS = 20_000  # All sockets are to be open before the order ends.
_SLOW = Settings(
    {
        "VENUE_QUOTE_MS": "0",
        "VENUE_SWAP_MS_MIN": str(_SWAP_MS),
        "VENUE_SWAP_MS_MAX": str(_SWAP_MS),
        "QUOTE_TTL_MS": "60000",
    },
    {"QUOTE_MS": "0", "SWAP_MS": str(_SWAP_MS), "PG_PIPELINE": "16"},
)
_API = {"slipstream": "gateway-1", "peer": "api"}


async def idle_sockets(bench: Bench) -> None:
    """Open sockets on an order each, with nobody there to go on with the orders."""
    for count in bench.sizes.sockets:
        # Started anew for each number: memory that was once used is not all given back.
        async with bench.systems(intake_only=True) as systems:
            for system in systems:
                async with turn(system, systems, "everysec"):
                    await bench.drivers.post(system, _SOME)
                    result = await _open(bench, system, count, "--hold", "2")
                figures = {
                    "opens_per_s": result["opens_per_s"],
                    "kb_a_socket": result["kb_per_conn"],
                    "fails": result["fails"],
                }
                bench.keep(f"{count:,} idle sockets", system, figures)


async def fan_out(bench: Bench) -> None:
    """Let every socket follow the same order, and see how late the last one learns its end."""
    for count in bench.sizes.sockets:
        async with bench.systems(_SLOW) as systems:
            for system in systems:
                async with turn(system, systems, "everysec"):
                    words = ("--same-order", "--hold", "0", "--drain", "60")
                    result = await _open(bench, system, count, *words)
                lag = result["fanout_lag_ms"].get("confirmed", {})
                figures = {
                    "spread_ms": result["fanout_spread_ms"],
                    "end_to_seen_p50_ms": lag.get("p50"),
                    "end_to_seen_max_ms": lag.get("max"),
                    "reached": lag.get("n"),
                }
                bench.keep(f"one end to {count:,} sockets", system, figures)


async def _open(bench: Bench, system: System, count: int, *words: str) -> dict[str, Any]:
    pid = system.pids()[_API[system.name]]
    driven = await bench.drivers.load(
        system,
        "ws",
        *("--k", str(count), "--pid", str(pid), "--c", "64"),
        *("--body", system.speech.order, "--ws-path", system.speech.socket, *words),
    )
    return driven.result
