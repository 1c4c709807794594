"""What the two systems that are compared have in common."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.cpu import family
from bench.servers import Servers, pid_of
from cli.console import Say
from cli.process import Keeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How to talk to a system: its order, its messages, and how to ask its tables.

    `socket` is where an order is followed alone.

    `done_sql` counts the orders that have ended, `events_sql` what has happened to all, and
    `committed_sql` is when the last row of an order was committed, in ms since 1970.
    """

    order: str
    follow: str
    socket: str
    done_sql: str
    events_sql: str
    committed_sql: str = (
        "SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin))) * 1000 FROM orders"
    )


class System(ABC):
    """One of the two, with servers of its own. Its services come and go, its servers stay."""

    name: str
    speech: Speech

    def __init__(self, root: Path, say: Say) -> None:
        self.servers = Servers(root, say)
        self.url = ""
        self.say = say
        self._services: list[Keeper] = []

    @abstractmethod
    async def start(self, settings: Mapping[str, str], *, intake_only: bool = False) -> None:
        """Start the services and return once they are ready; or only what takes orders in."""

    @abstractmethod
    def reset(self) -> None:
        """Forget the orders of earlier turns, as far as this must be for turns to be alike."""

    async def stop(self) -> None:
        """End the services."""
        self.thaw()
        for keeper in self._services:
            await keeper.stop()
        self._services.clear()

    def pids(self) -> dict[str, int]:
        """Return every process of this system, by name."""
        services = {keeper.program.name: pid_of(keeper) for keeper in self._services}
        return services | self.servers.pids()

    def freeze(self) -> None:
        """Stop the services where they stand, so that they cost the other system nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the services go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for keeper in self._services:
            with suppress(ProcessLookupError):
                for pid in family(pid_of(keeper)):
                    os.kill(pid, number)

    async def _run(self, *keepers: Keeper) -> None:
        self._services.extend(keepers)
        for keeper in keepers:
            await keeper.start()
