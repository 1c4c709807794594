"""How long a killed executor delays the orders that it had in flight."""

from __future__ import annotations

import asyncio
import os
import signal
from time import monotonic

from bench.ours import SHORT_CHAIN
from bench.run import Bench, Settings
from bench.system import System

_SETTINGS = Settings(SHORT_CHAIN, {"CONCURRENCY": "1000", "PG_PIPELINE": "16"})
_VICTIM = {"slipstream": "executor-1", "peer": "worker"}
_IN_FLIGHT_S = 1.0  # After the last POST: behind the quotes, before the first swap has landed.
_LONGEST_S = 180.0
_LOOK_S = 0.05


async def recovery(bench: Bench) -> None:
    """Kill with SIGKILL while orders wait for the chain; it is started again at once."""
    async with bench.systems(_SETTINGS) as systems:
        for system in systems:
            system.servers.sync("everysec")
            for kill in (False, True):
                seconds, ended = await _end_of(bench, system, kill=kill)
                row = "executor killed" if kill else "executor not killed"
                bench.keep(
                    f"{bench.sizes.killed:,} orders in flight, {row}",
                    system,
                    {"seconds_to_the_last_end": seconds, "ended": ended},
                )


async def _end_of(bench: Bench, system: System, *, kill: bool) -> tuple[float, int]:
    """Return how long after the last POST every order had ended, and how many did."""
    before = int(system.servers.sql(system.speech.done_sql))
    await bench.drivers.post(system, bench.sizes.killed)
    began = monotonic()
    if kill:
        await asyncio.sleep(_IN_FLIGHT_S)
        os.kill(system.pids()[_VICTIM[system.name]], signal.SIGKILL)
    ended = 0
    while ended < bench.sizes.killed and monotonic() - began < _LONGEST_S:
        await asyncio.sleep(_LOOK_S)
        ended = int(system.servers.sql(system.speech.done_sql)) - before
    return monotonic() - began, ended
