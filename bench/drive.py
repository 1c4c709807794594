"""Run a driver against a system, and tell what that cost."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cpu import Meter, Used
from bench.system import System
from cli.console import Trouble

_DEADLINE_S = 900.0
_OURS = (sys.executable, "-m", "bench.client")


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

    async def post(self, system: System, orders: int) -> Driven:
        """Send single POSTs over 64 connections, and return when all have been answered."""
        words = ("--n", str(orders), "--c", "64", "--body", system.speech.order)
        return await self.load(system, "ingest", *words)

    async def to_end(self, system: System, mode: str, orders: int) -> Driven:
        """Send orders, and return when all have ended: `e2e`, `batch-e2e` or `socket-e2e`.

        Raises `Trouble` when some did not.
        """
        speech = system.speech
        connections = "64" if mode == "e2e" else "4"
        words = ["--n", str(orders), "--c", connections, "--body", speech.order]
        words += ["--db", system.servers.database_url, "--done-sql", speech.done_sql]
        words += ["--events-sql", speech.events_sql, "--end-sql", speech.committed_sql]
        run = self.load if mode == "e2e" else self.ours
        driven = await run(system, mode, *words)
        if driven.result["timed_out"] or driven.result["errors"]:
            raise Trouble(f"{system.name} did not bring every order to its end: {driven.result}")
        return driven

    async def load(self, system: System, mode: str, *words: str) -> Driven:
        """Run the driver in one of its modes."""
        return await drive(system.pids(), *self._command(mode, system.url), *words)

    async def ours(self, system: System, mode: str, *words: str) -> Driven:
        """Run our own driver, which knows batches and orders over sockets."""
        return await drive(system.pids(), *_OURS, mode, "--base", system.url, *words)

    async def hello(self, url: str, pids: Mapping[str, int], requests: int) -> Driven:
        """Send POSTs to a server that knows nothing of orders."""
        words = ("--n", str(requests), "--c", "64", "--body", "{}")
        return await drive(pids, *self._command("hello", url), *words)

    def _command(self, mode: str, url: str) -> tuple[str, ...]:
        if self._peer_home is None:
            return (*_OURS, mode, "--base", url)
        node = shutil.which("node") or "node"
        return (node, str(self._peer_home / "load.js"), mode, "--base", url)


async def drive(pids: Mapping[str, int], *command: str) -> Driven:
    """Run a driver to its end. Raises `Trouble` when it fails, or takes too long."""
    meter = Meter(pids)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            output, errors = await process.communicate()
    except TimeoutError:
        raise Trouble(f"the driver took longer than {_DEADLINE_S:g} s: {command}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Trouble(f"the driver failed: {command}\n{errors.decode(errors='replace')}")
    result = json.loads(output)
    return Driven(result, meter.read(driver=result["driver_cpu_s"]))
