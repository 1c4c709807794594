"""Run a driver against a system, and tell what that cost."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cpu import Meter, Used
from bench.system import System
from cli.console import Trouble

_DEADLINE_S = 900.0


@dataclass(frozen=True, slots=True)
class Driven:
    """What a driver printed, and what it and the system used meanwhile."""

    result: dict[str, Any]
    used: Used

    @property
    def server_cpu_s(self) -> float:
        """Return the CPU seconds of all server processes: everything but the driver."""
        return sum(s for name, s in self.used.cpu_s.items() if name != "driver")


class Drivers:
    """Knows which driver there is: the peer's, which drives any server, or only our own."""

    def __init__(self, peer_home: Path | None) -> None:
        self._peer_home = peer_home

    async def post(self, system: System, orders: int, *, to_end: bool) -> Driven:
        """Send single POSTs over 64 connections; with `to_end`, return when all have ended."""
        speech = system.speech
        words = ["--n", str(orders), "--c", "64", "--body", speech.order]
        if to_end:
            words += ["--db", system.servers.database_url, "--done-sql", speech.done_sql]
            words += ["--events-sql", speech.events_sql, "--end-sql", speech.committed_sql]
        return await self.load(system, "e2e" if to_end else "ingest", *words)

    async def load(self, system: System, mode: str, *words: str) -> Driven:
        """Run the driver in one of its modes."""
        if self._peer_home is None:
            return await self.ours(system, mode, *words)
        driver = (shutil.which("node") or "node", str(self._peer_home / "load.js"))
        return await drive(system, *driver, mode, "--base", system.url, *words)

    async def ours(self, system: System, mode: str, *words: str) -> Driven:
        """Run our own driver, which knows batches and orders over sockets."""
        command = (sys.executable, "-m", "bench.client", mode, "--base", system.url)
        return await drive(system, *command, *words)


async def drive(system: System, *command: str) -> Driven:
    """Run a driver to its end. Raises `Trouble` when it fails, or takes too long."""
    meter = Meter(system.pids())
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            output, errors = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise Trouble(f"the driver of {system.name} failed:\n{errors.decode(errors='replace')}")
    result = json.loads(output)
    return Driven(result, meter.read(driver=result["driver_cpu_s"]))
