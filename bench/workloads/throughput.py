"""How many orders a second are taken in, and how many are brought to their end."""

from __future__ import annotations

from bench.drive import Driven
from bench.run import Bench
from bench.workloads.turns import turn

_WARM_UP = 10_000
_WARM_UP_TURN = 1_000


async def throughput(bench: Bench) -> None:
    """POST to end, at zero venue delay, single POSTs over 64 connections."""
    async with bench.systems(bench.fastest) as systems:
        for system in systems:
            await bench.drivers.post(system, _WARM_UP, to_end=True)
        for _ in range(bench.pairs):
            for system in systems:
                async with turn(system, systems, "everysec"):
                    await bench.drivers.post(system, _WARM_UP_TURN, to_end=True)
                    driven = await bench.drivers.post(system, bench.orders, to_end=True)
                bench.keep("throughput", system, _figures(driven, driven.result["done"]))


async def intake(bench: Bench) -> None:
    """POST to its answer, with nothing but the gateway running."""
    async with bench.systems(bench.fastest, intake_only=True) as systems:
        for system in systems:
            await bench.drivers.post(system, _WARM_UP // 2, to_end=False)
        for _ in range(bench.pairs):
            for system in systems:
                async with turn(system, systems, "everysec"):
                    await bench.drivers.post(system, _WARM_UP_TURN, to_end=False)
                    driven = await bench.drivers.post(system, bench.orders, to_end=False)
                bench.keep("intake", system, _figures(driven, driven.result["n"]))


def _figures(driven: Driven, orders: int) -> dict[str, float]:
    result, cpu = driven.result, driven.used.cpu_s
    rate = result.get("orders_per_s") or result["accepted_per_s"]
    latency = result.get("post_latency_ms") or result["latency_ms"]
    return {
        "orders_per_s": rate,
        "post_p50_ms": latency["p50"],
        "post_p99_ms": latency["p99"],
        "errors": result["errors"],
        "cpu_ms": 1_000 * driven.server_cpu_s / orders,
        **{f"cpu_ms_{name}": 1_000 * seconds / orders for name, seconds in cpu.items()},
        "foreign_cores": driven.used.foreign_s / driven.used.wall_s,
    }
