"""Orders a minute with venues as slow as the forerunners': 200 ms a quote, 2 to 3 s a swap.

One executor (theirs: one worker) with its default settings. Both systems run at the same time: a
window takes a minute, and the peer, bounded by the ten orders that it works on at once, needs so
little of the machine that it takes nothing from its neighbour, nor its neighbour from it.
"""

from __future__ import annotations

import asyncio

from bench.drive import Driven
from bench.run import Bench, Settings, cost
from bench.system import System

# The defaults of both, but for the peer's limit of 100 orders a minute (see bench/peer.py), which
# would be all that was measured.
_SETTINGS = Settings({}, {})
# Orders under way that keep a system busy; ours is not to wait for the next ones.
_UNDER_WAY = {"slipstream": 8_000, "peer": 60}
_WARM_UP_S = 10


async def forerunners(bench: Bench) -> None:
    """Keep both busy, and count what ends in each of some windows."""
    async with bench.systems(_SETTINGS) as systems:
        for system in systems:
            system.servers.sync("everysec")
        driven = await asyncio.gather(*(_drive(bench, system) for system in systems))
        for system, one in zip(systems, driven, strict=True):
            _keep(bench, system, one)


async def _drive(bench: Bench, system: System) -> Driven:
    speech, sizes = system.speech, bench.sizes
    return await bench.drivers.ours(
        system,
        "feed",
        *("--windows", str(sizes.windows), "--secs", str(sizes.window_s)),
        *("--warmup", str(_WARM_UP_S), "--under-way", str(_UNDER_WAY[system.name])),
        *("--body", speech.order, "--db", system.servers.database_url),
        *("--done-sql", speech.done_sql),
    )


def _keep(bench: Bench, system: System, driven: Driven) -> None:
    for number, per_minute in enumerate(driven.result["per_minute"]):
        # CPU time is known of the whole run only.
        spent = {} if number else cost(driven, driven.result["ended"])
        bench.keep("forerunners' latencies", system, {"orders_per_minute": per_minute, **spent})
