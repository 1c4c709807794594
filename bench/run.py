"""One run of the bench: what is asked for, the two systems, and what was found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench.bounds import BEFORE
from bench.drive import Driven, Drivers
from bench.ours import ZERO_DELAY, Slipstream
from bench.peer import BEST, Peer
from bench.peer import ZERO_DELAY as PEER_ZERO_DELAY
from bench.sizes import Sizes
from bench.system import System
from cli.console import Say


class Settings(NamedTuple):
    """How the services of each side are set."""

    ours: Mapping[str, str]
    peer: Mapping[str, str]


FASTEST = Settings(ZERO_DELAY, PEER_ZERO_DELAY | BEST)


@dataclass(slots=True, kw_only=True)
class Bench:
    """Handed to each workload. `found` holds a row's name, a system's, and figures, a turn each.

    `against` is another checkout of Slipstream, which then takes the peer's place.
    """

    root: Path
    peer_home: Path | None
    against: Path | None
    sizes: Sizes
    drivers: Drivers
    say: Say
    found: list[dict[str, Any]] = field(default_factory=list)

    @asynccontextmanager
    async def systems(
        self, settings: Settings = FASTEST, *, intake_only: bool = False, alone: bool = False
    ) -> AsyncIterator[list[System]]:
        """Start both systems, Slipstream first, or Slipstream alone."""
        async with AsyncExitStack() as stack:
            ours: System = Slipstream(self.root / "ours", self.say)
            wanted = [(ours, settings.ours)]
            if self.against is not None and not alone:
                other = Slipstream(self.root / BEFORE, self.say, name=BEFORE, code=self.against)
                wanted.append((other, settings.ours))
            elif self.peer_home is not None and not alone:
                wanted.append((Peer(self.root / "peer", self.say, self.peer_home), settings.peer))
            for system, env in wanted:
                await stack.enter_async_context(system.servers)
                stack.push_async_callback(system.stop)
                await system.start(env, intake_only=intake_only)
            yield [system for system, _ in wanted]

    def keep(self, row: str, system: System | None, figures: Mapping[str, float | None]) -> None:
        """Note what a turn has shown, and say it."""
        name = system.name if system else "floor"
        self.found.append({"row": row, "system": name, **figures})
        known = {figure: value for figure, value in figures.items() if value is not None}
        cpu = {n.removeprefix("cpu_ms_"): v for n, v in known.items() if n.startswith("cpu_ms_")}
        rest = [f"{n} {v:,.2f}" for n, v in known.items() if not n.startswith("cpu_ms_")]
        self.say(row, f"{name:<11} {'  '.join(rest)}")
        if cpu:
            words = "  ".join(f"{process} {1_000 * ms:.0f}" for process, ms in cpu.items())
            self.say("", f"{'':<11} CPU us an order: {words}")


def cost(driven: Driven, orders: int) -> dict[str, float]:
    """Return the CPU time that an order cost, in ms: of all servers, and of each process."""
    return {
        "cpu_ms": 1_000 * driven.server_cpu_s / orders,
        **{f"cpu_ms_{name}": 1_000 * s / orders for name, s in driven.used.cpu_s.items()},
        "foreign_cores": driven.used.foreign_s / driven.used.wall_s,
        "steal_cores": driven.used.steal_s / driven.used.wall_s,
    }
