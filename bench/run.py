"""One run of the bench: what is asked for, the two systems, and what was found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.drive import Drivers
from bench.ours import Slipstream
from bench.peer import Peer
from bench.system import System
from cli.console import Say


class Settings(NamedTuple):
    """How the services of each side are set."""

    ours: Mapping[str, str]
    peer: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Bench:
    """Handed to each workload."""

    root: Path
    peer_home: Path | None
    pairs: int
    orders: int
    fastest: Settings
    drivers: Drivers
    say: Say
    found: list[dict[str, object]] = field(default_factory=list)

    @asynccontextmanager
    async def systems(
        self, settings: Settings, *, intake_only: bool = False
    ) -> AsyncIterator[list[System]]:
        """Start both systems, Slipstream first, or Slipstream alone where there is no peer."""
        async with AsyncExitStack() as stack:
            ours: System = Slipstream(self.root / "ours", self.say)
            pairs = [(ours, settings.ours)]
            if self.peer_home is not None:
                pairs.append((Peer(self.root / "peer", self.say, self.peer_home), settings.peer))
            for system, env in pairs:
                await stack.enter_async_context(system.servers)
                stack.push_async_callback(system.stop)
                await system.start(env, intake_only=intake_only)
            yield [system for system, _ in pairs]

    def keep(self, row: str, system: System, figures: Mapping[str, float]) -> None:
        """Note what a turn has shown, and say it in two lines."""
        self.found.append({"row": row, "system": system.name, **figures})
        cpu = {n.removeprefix("cpu_ms_"): v for n, v in figures.items() if n.startswith("cpu_ms_")}
        rest = {name: value for name, value in figures.items() if "cpu_ms_" not in name}
        self.say(row, f"{system.name:<11}" + "".join(f" {n} {v:,.2f} " for n, v in rest.items()))
        if cpu:
            words = "  ".join(f"{name} {1_000 * ms:.0f}" for name, ms in cpu.items())
            self.say("", f"{'us CPU/order':<12}{words}")
