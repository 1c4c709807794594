"""Orders that settle on a development chain, beside the same on the simulated one."""

from __future__ import annotations

from contextlib import AsyncExitStack

from bench.ours import ZERO_DELAY, OnDevchain, Slipstream
from bench.run import Bench, cost
from bench.workloads.turns import taking_turns, turn

_SHARE = 4  # A turn has so many fewer orders than one at zero venue delay.
_WARM_UP_TURN = 500
_REQUESTS = "slipstream_rpc_requests_total"
_FAILED = "SELECT coalesce(sum(events), 0) FROM event_counts WHERE type = 'OrderFailed'"


async def devchain(bench: Bench) -> None:
    """POST to end, single POSTs; the chain makes a block every 50 ms."""
    orders = bench.sizes.orders // _SHARE
    async with AsyncExitStack() as stack:
        simulated = Slipstream(bench.root / "ours", bench.say, name="simulated")
        settling = OnDevchain(bench.root / "chain", bench.say, name="devchain")
        systems: list[Slipstream] = [settling, simulated]
        for system in systems:
            await stack.enter_async_context(system.servers)
            stack.push_async_callback(system.stop)
            await system.start(ZERO_DELAY)
            await bench.drivers.to_end(system, "e2e", orders)
        for pair in range(bench.sizes.pairs):
            for system in taking_turns(systems, pair):
                async with turn(system, systems, "everysec"):
                    await bench.drivers.to_end(system, "e2e", _WARM_UP_TURN)
                    requests = await system.metric(_REQUESTS)
                    failed = system.servers.sql(_FAILED)
                    driven = await bench.drivers.to_end(system, "e2e", orders)
                    requests = await system.metric(_REQUESTS) - requests
                    failed = system.servers.sql(_FAILED) - failed
                ended = driven.result["done"]
                figures = {
                    "orders_per_s": driven.result["orders_per_s"],
                    "failed": float(failed),
                    "rpc_requests": requests / ended,
                }
                bench.keep("on devchain", system, figures | cost(driven, ended))
