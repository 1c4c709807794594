"""How long after its POST the end of an order is seen by the client that follows it."""

from __future__ import annotations

from typing import Any

from bench.drive import Driven
from bench.run import Bench, cost
from bench.system import System
from bench.workloads.turns import taking_turns, turn

_WARM_UP = 5_000
_WARM_UP_S = 2
_WAYS = {"mux": "one socket for all", "ws": "a socket an order"}
_HOPS = ("pending>routing", "routing>building", "building>submitted", "submitted>confirmed")


async def latency(bench: Bench) -> None:
    """Orders at a fixed rate, whatever the answers; at zero venue delay."""
    async with bench.systems() as systems:
        for system in systems:
            await bench.drivers.to_end(system, "e2e", min(_WARM_UP, bench.sizes.orders))
        for rate in bench.sizes.rates:
            for way, words in _WAYS.items():
                for pair in range(bench.sizes.pairs):
                    for system in taking_turns(systems, pair):
                        async with turn(system, systems, "everysec"):
                            driven = await _drive(bench, system, rate, way)
                        orders = rate * (bench.sizes.latency_s + _WARM_UP_S)
                        figures = _figures(driven.result) | cost(driven, orders)
                        bench.keep(f"latency at {rate}/s, {words}", system, figures)


async def _drive(bench: Bench, system: System, rate: int, way: str) -> Driven:
    return await bench.drivers.load(
        system,
        "latency",
        *("--rate", str(rate), "--secs", str(bench.sizes.latency_s)),
        *("--warmup", str(_WARM_UP_S), "--sub", way, "--mux-conns", "1"),
        *("--mux-msg", system.speech.follow, "--body", system.speech.order),
        *("--ws-path", system.speech.socket),
    )


def _figures(result: dict[str, Any]) -> dict[str, float | None]:
    end, post = result["post_to_confirmed_ms"], result["post_ms"]
    # By the servers' own times where the driver knows them: events that arrive together tell none.
    hops = result.get("hop_server_ts_ms") or result["hop_received_ms"]
    return {
        "confirmed_p50_ms": end.get("p50"),
        "confirmed_p99_ms": end.get("p99"),
        "confirmed_p999_ms": end.get("p999"),
        "post_p50_ms": post.get("p50"),
        "post_p99_ms": post.get("p99"),
        "late_p99_ms": result["driver_lag_ms"].get("p99"),
        "errors": result["errors"],
        "missing": result["missing"],
        **{f"{hop}_p50_ms": hops.get(hop, {}).get("p50") for hop in _HOPS},
        **{f"{hop}_p99_ms": hops.get(hop, {}).get("p99") for hop in _HOPS},
    }
