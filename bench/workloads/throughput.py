"""How many orders a second are taken in, and how many are brought to their end."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from bench.cpu import Meter
from bench.drive import Driven
from bench.run import Bench, cost
from bench.system import System
from bench.workloads.turns import taking_turns, turn

_WARM_UP = 10_000
_WARM_UP_TURN = 1_000
_MB = 1_048_576
_AFTER_S = 8.0  # Longer than TRIM_EVERY_S.


class _Way(NamedTuple):
    """A way for orders to come in, and when Redis brings its log to the disk."""

    row: str
    mode: str
    policy: str


_SINGLE = _Way("throughput", "e2e", "everysec")
_OURS = (
    _SINGLE,
    _Way("throughput, appendfsync always", "e2e", "always"),
    _Way("throughput, batches", "batch-e2e", "everysec"),
    _Way("throughput, over sockets", "socket-e2e", "everysec"),
)


async def throughput(bench: Bench) -> None:
    """POST to end, at zero venue delay."""
    async with bench.systems() as systems:
        for system in systems:
            await bench.drivers.to_end(system, "e2e", min(_WARM_UP, bench.sizes.orders))
        # Another checkout is measured on tables and a Redis that have seen as much as ours.
        ours = (_SINGLE,) if bench.against else _OURS
        for pair in range(bench.sizes.pairs):
            for system in taking_turns(systems, pair):
                for way in ours if system is systems[0] else (_SINGLE,):
                    last = pair == bench.sizes.pairs - 1
                    await _one(bench, way, system, systems, last=last)


async def _one(
    bench: Bench, way: _Way, system: System, systems: list[System], *, last: bool
) -> None:
    async with turn(system, systems, way.policy):
        await bench.drivers.to_end(system, way.mode, _WARM_UP_TURN)
        commands = _commands(system)
        driven = await bench.drivers.to_end(system, way.mode, bench.sizes.orders)
        commands = _commands(system) - commands
        after = await _after(system) if last and way is _SINGLE else None
    ended = driven.result["done"]
    figures = {"orders_per_s": driven.result["orders_per_s"], **_latency(driven)}
    figures["events_per_s"] = driven.result["events_per_s"]
    figures["redis_commands"] = commands / ended
    figures["redis_peak_mb"] = system.servers.redis.info("memory")["used_memory_peak"] / _MB
    if after is not None:
        figures["clean_up_cpu_ms"] = 1_000 * after / ended
    bench.keep(way.row, system, figures | cost(driven, ended))


def _commands(system: System) -> int:
    """Return how many commands Redis has carried out, those of scripts among them."""
    return int(system.servers.redis.info("stats")["total_commands_processed"])


async def _after(system: System) -> float:
    """Return the CPU seconds used after the last end: trimming, expiring, standing by."""
    meter = Meter(system.pids())
    await asyncio.sleep(_AFTER_S)
    return sum(meter.read().cpu_s.values())


async def intake(bench: Bench) -> None:
    """POST to its answer, with nothing but the gateway running."""
    async with bench.systems(intake_only=True) as systems:
        for system in systems:
            await bench.drivers.post(system, min(_WARM_UP, bench.sizes.orders))
        for pair in range(bench.sizes.pairs):
            for system in taking_turns(systems, pair):
                async with turn(system, systems, "everysec"):
                    await bench.drivers.post(system, _WARM_UP_TURN)
                    driven = await bench.drivers.post(system, bench.sizes.orders)
                figures = {"orders_per_s": driven.result["accepted_per_s"], **_latency(driven)}
                bench.keep("intake", system, figures | cost(driven, driven.result["n"]))


def _latency(driven: Driven) -> dict[str, float]:
    ms = driven.result.get("post_latency_ms") or driven.result["latency_ms"]
    return {
        "post_p50_ms": ms["p50"],
        "post_p99_ms": ms["p99"],
        "errors": driven.result["errors"],
    }
