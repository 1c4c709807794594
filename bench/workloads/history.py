"""Whether an order costs the same after many orders: CPU time, memory, and what a rebuild takes."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

from bench.cpu import Meter, family, rss_mb
from bench.run import Bench, cost
from bench.system import System
from shared.archive.rebuild import rebuild

_LOOK = 5_000
_MB = 1_048_576
# Ended orders stay for HISTORY_TTL_S, the simulated chain's ledger for CHAIN_RETENTION_S.
_SETTLE_S = 120.0
_CHUNK = 20_000
_BATCH = 500  # As the driver sends them.
_UNTRIMMED = 200  # Entries of a partition: the log is trimmed by whole nodes.


async def history(bench: Bench) -> None:
    """Bring ever more orders to their end, and look at the cost of the next ones now and then.

    `all_cpu_ms` is of all orders since the last look, most of them in batches, with what comes
    behind: trimming, expiring, vacuums.
    """
    async with bench.systems(alone=True) as [system]:
        system.servers.sync("everysec")
        orders = 0
        look = min(_LOOK, bench.sizes.orders)
        for wanted in bench.sizes.history:
            meter, before = Meter(system.pids()), orders
            while (lacking := wanted - look - orders) > 0:
                chunk = max(1, min(_CHUNK, lacking) // _BATCH) * _BATCH
                await bench.drivers.to_end(system, "batch-e2e", chunk)
                orders += chunk
            driven = await bench.drivers.to_end(system, "e2e", look)
            orders += look
            await _settled(system)
            figures = {
                "orders": orders,
                "orders_per_s": driven.result["orders_per_s"],
                **cost(driven, driven.result["done"]),
                "all_cpu_ms": 1_000 * sum(meter.read().cpu_s.values()) / (orders - before),
                "redis_mb": _used_mb(system, "used_memory"),
                "redis_peak_mb": _used_mb(system, "used_memory_peak"),
                "services_mb": _services_mb(system),
            }
            bench.keep(f"history of {wanted:,} orders", system, figures)
        await _rebuild(bench, system)


async def _rebuild(bench: Bench, system: System) -> None:
    began = monotonic()
    events = await rebuild(system.servers.database_url)
    seconds = monotonic() - began
    bench.keep(
        "rebuild",
        system,
        {"events": events, "seconds": seconds, "events_per_s": events / seconds},
    )


async def _settled(system: System) -> None:
    """Wait until the log is trimmed and ended orders have left Redis."""
    until = monotonic() + _SETTLE_S
    while monotonic() < until:
        lengths = [system.servers.redis.xlen(key) for key in _keys(system, "*:log")]
        if max(lengths, default=0) <= _UNTRIMMED and not _keys(system, "*:order:*"):
            return
        await asyncio.sleep(1)


def _keys(system: System, pattern: str) -> list[str]:
    return list(system.servers.redis.scan_iter(f"slip:{pattern}", count=10_000))


def _used_mb(system: System, figure: str) -> float:
    memory: Any = system.servers.redis.info("memory")
    return float(memory[figure]) / _MB


def _services_mb(system: System) -> float:
    servers = set(system.servers.pids())
    services = [pid for name, pid in system.pids().items() if name not in servers]
    return sum(rss_mb(member) for pid in services for member in family(pid))
