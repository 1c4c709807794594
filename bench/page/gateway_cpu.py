"""The gateway's CPU time with the page open and without, in turns."""

from __future__ import annotations

from contextlib import AsyncExitStack

from bench.cpu import Meter
from bench.figures import ratio
from bench.ours import Slipstream
from bench.page.load import load
from bench.page.watched import opened

_GATEWAY = "gateway-1"
_WARM_UP_S = 10.0


async def gateway_cpu(system: Slipstream, minutes: float, rate: float, turn_s: float) -> None:
    """Load the stack for so many minutes, and say what the page costs the gateway."""
    pairs = max(1, round(minutes * 60 / turn_s / 2))
    without_s, with_s = [], []
    await load(system.url, rate, _WARM_UP_S)
    for _ in range(pairs):
        without_s.append(await _turn(system, rate, turn_s, page=False))
        with_s.append(await _turn(system, rate, turn_s, page=True))
    found = ratio(with_s, without_s)
    if found is None:
        raise ZeroDivisionError("the gateway used no CPU time")
    system.say(
        "ratio",
        f"gateway CPU with the page / without: {found.median:.3f} "
        f"({found.least:.3f} to {found.most:.3f}, {found.pairs} pairs of {turn_s:g} s)",
    )


async def _turn(system: Slipstream, rate: float, turn_s: float, *, page: bool) -> float:
    """Return the CPU seconds that the gateway used."""
    async with AsyncExitStack() as stack:
        if page:
            await stack.enter_async_context(opened(system.url))
        meter = Meter(system.pids())
        accepted = await load(system.url, rate, turn_s)
        used = meter.read()
    spent = used.cpu_s[_GATEWAY]
    system.say(
        "with" if page else "without",
        f"gateway {spent:.2f} CPU s in {used.wall_s:.1f} s at {accepted:.1f} orders/s; "
        f"others used {used.foreign_s / used.wall_s:.2f} cores",
    )
    return spent
