"""What breaks the stack: faults at random moments, the same ones for the same seed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random

from redis import Redis
from redis.exceptions import RedisError

from shared.concurrency.pause import pause
from tests.chaos import network
from tests.chaos.network import Network, Strike
from tests.chaos.onchain import strikes
from tests.chaos.onchain.strikes import Strikes
from tests.chaos.records import Fell, Injected
from tests.chaos.stage import LEASE_MS, Replica, Stage
from tests.support.processes import EVERY_SERVICE, Service

_MOST_REPLICAS, _LEAST_REPLICAS = 3, 1
_LONGEST_PAUSE_S = 2.5 * LEASE_MS / 1_000  # Longer than a lease, often.
_LONGEST_AWAY_S = 1.5


class Nemesis:
    """Injects faults, each by a method of its own, and mends what it broke."""

    def __init__(self, stage: Stage, seed: int, faults: Sequence[str]) -> None:
        """Use only the named faults. Raises `ValueError` for one that is not there."""
        self.injected: list[Injected] = []
        self.fallen: list[Fell] = []
        self.network = Network(lambda: stage.replicas, seed, self._note)
        self.chain = (
            Strikes(stage.chain, stage.apis, seed, self._note)
            if stage.chain and stage.apis
            else None
        )
        self.stage = stage
        self._dice = Random(f"nemesis {seed}")
        self._faults = [FAULTS[name] for name in faults]
        self._started = time.monotonic()
        self._mending: list[asyncio.Task[None]] = []
        self._busy: set[object] = set()  # What is down or paused, and not to be hit again.

    async def rage(self, every_s: float, until: asyncio.Event) -> None:
        """Inject a fault every so many seconds, more or less."""
        while not until.is_set():
            await pause(until, every_s * self._dice.uniform(0.3, 1.7))
            if not until.is_set() and self._faults:
                await self._dice.choice(self._faults)(self)

    async def rest(self) -> None:
        """Return once everything that was broken is mended, and a replica of each service runs.

        Raises what kept something from being mended: such a run says nothing of the promises.
        """
        while self._mending:
            await self._mending.pop()
        await self.stage.network.run(self.network.rest())
        if self.chain and await self.chain.rest():
            self.fallen.append(Fell(service="devchain"))
        for replica in self.stage.replicas.copy():
            if not replica.service.alive:
                self.fallen.append(Fell(service=replica.service.consumer))
                await self.stage.drop(replica, Service.kill)
        for name in EVERY_SERVICE:
            if not self.stage.of(name):
                await self.stage.add(name)

    async def kill(self) -> None:
        """SIGKILL a replica; another one takes its place after a while."""
        if replica := self._victim():
            self._note("kill", replica.service.consumer)
            await self.stage.drop(replica, Service.kill)
            self._later(1.0, lambda: self.stage.add(replica.service.name))

    async def pause(self) -> None:
        """SIGSTOP a replica, often for longer than its lease, then SIGCONT."""
        if replica := self._victim():
            self._note("pause", replica.service.consumer)
            replica.service.pause()

            async def resume() -> None:
                replica.service.resume()

            self._hold(replica, _LONGEST_PAUSE_S, resume)

    async def scale(self) -> None:
        """Add a replica of a service, or tell one to leave."""
        name = self._dice.choice(EVERY_SERVICE)
        there = self.stage.of(name)
        more = len(there) < _MOST_REPLICAS and self._dice.random() < 0.5
        if more or len(there) <= _LEAST_REPLICAS:
            self._note("scale", f"one {name} more")
            await self.stage.add(name)
        elif replica := self._victim(name):
            self._note("scale", f"{replica.service.consumer} leaves")
            await self.stage.drop(replica, Service.terminate)

    async def cut(self) -> None:
        """Cut every connection of clients with one gateway."""
        gateways = [replica for replica in self.stage.of("gateway") if replica.door]
        if gateways:
            replica = self._dice.choice(gateways)
            self._note("cut", f"clients of {replica.service.consumer}")
            if replica.door:
                await replica.door.cut()

    async def disconnect(self) -> None:
        """Make Redis close every connection that it has with services."""
        if self.stage.valkey not in self._busy:
            self._note("disconnect", "Redis")
            await asyncio.to_thread(self._close_connections)

    async def redis(self) -> None:
        """`kill -9` Redis, and start it on the same data after a while."""
        valkey = self.stage.valkey
        if valkey not in self._busy:
            self._note("redis", "killed")
            valkey.kill()
            self._hold(valkey, _LONGEST_AWAY_S, lambda: asyncio.to_thread(valkey.start))

    async def postgres(self) -> None:
        """`kill -9` PostgreSQL, and start it on the same data after a while."""
        database = self.stage.database
        if database not in self._busy:
            self._note("postgres", "killed")
            database.kill()
            self._hold(database, _LONGEST_AWAY_S, database.start)

    async def hang(self) -> None:
        """SIGSTOP Redis or PostgreSQL for a while."""
        server = self._dice.choice((self.stage.valkey, self.stage.database))
        if server not in self._busy:
            self._note("hang", type(server).__name__)
            server.pause()

            async def resume() -> None:
                server.resume()

            self._hold(server, _LONGEST_PAUSE_S, resume)

    def _victim(self, name: str | None = None) -> Replica | None:
        there = [r for r in self.stage.replicas if name in (None, r.service.name)]
        free = [r for r in there if r not in self._busy and r.service.alive]
        return self._dice.choice(free) if free else None

    def _note(self, fault: str, target: str) -> None:
        at_s = round(time.monotonic() - self._started, 3)
        self.injected.append(Injected(at_s=at_s, fault=fault, target=target))

    def _hold(self, what: object, longest_s: float, mend: Callable[[], Awaitable[object]]) -> None:
        self._busy.add(what)

        async def mend_and_release() -> None:
            await mend()
            self._busy.discard(what)

        self._later(longest_s, mend_and_release)

    def _later(self, longest_s: float, mend: Callable[[], Awaitable[object]]) -> None:
        pause_s = self._dice.uniform(0.05, longest_s)

        async def wait_and_mend() -> None:
            await asyncio.sleep(pause_s)
            await mend()

        self._mending.append(asyncio.create_task(wait_and_mend()))

    def _close_connections(self) -> None:
        with suppress(RedisError), Redis(port=self.stage.valkey.port) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


def _on_network(strike: Strike) -> Callable[[Nemesis], Awaitable[None]]:
    return lambda nemesis: nemesis.stage.network.run(strike(nemesis.network))


def _on_chain(strike: strikes.Strike) -> Callable[[Nemesis], Awaitable[None]]:
    async def act(nemesis: Nemesis) -> None:
        if nemesis.chain is None:
            raise ValueError("there is no development chain to strike")
        await strike(nemesis.chain)

    return act


ON_CHAIN = tuple(strikes.FAULTS)
FAULTS: dict[str, Callable[[Nemesis], Awaitable[None]]] = {
    "kill": Nemesis.kill,
    "pause": Nemesis.pause,
    "scale": Nemesis.scale,
    "cut": Nemesis.cut,
    "disconnect": Nemesis.disconnect,
    "redis": Nemesis.redis,
    "postgres": Nemesis.postgres,
    "hang": Nemesis.hang,
    **{name: _on_network(strike) for name, strike in network.FAULTS.items()},
    **{name: _on_chain(strike) for name, strike in strikes.FAULTS.items()},
}
