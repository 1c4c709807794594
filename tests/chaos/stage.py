"""The stack that is to be broken: servers and services as processes, all on the loopback."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.elsewhere import Elsewhere
from tests.chaos.onchain.apis import Apis
from tests.chaos.onchain.devchain import Devchain
from tests.chaos.servers import Database
from tests.chaos.wire import Server, Wire
from tests.support.forked import Forked
from tests.support.processes import (
    EVERY_SERVICE,
    ROOT,
    Service,
    Services,
    StackSettings,
    environment,
    interpreter,
)
from tests.support.proxy import Proxy
from tests.support.servers import Valkey

_COMPARE = "length > expected"  # In append.lua: what --break compare takes out.
LEASE_MS = 1_000
# How long gateways try, by turns: some leave orders in doubt soon, some outlive them.
_ACCEPT_DEADLINES_MS = (1_000, 15_000)
# On a development chain each router asks others, so that every venue has orders.
_ASKED = ("raydium,meteora", "jupiter", "meteora,raydium_api")


@dataclass(frozen=True, slots=True, eq=False)
class Replica:
    """A process of a service, with a wire of its own to each server.

    Clients reach a gateway through its door, which can be slammed.
    """

    service: Service
    redis: Wire
    postgres: Wire
    door: Proxy | None = None

    @property
    def wires(self) -> tuple[Wire, Wire]:
        """Return its ways to all servers."""
        return self.redis, self.postgres


class Stage:
    """Servers and services, and how to take them away and bring them back."""

    def __init__(
        self,
        logs: Path,
        valkey: Valkey,
        database: Database,
        chain: tuple[Devchain, Apis] | None,
        code: Path,
    ) -> None:
        self.valkey = valkey
        self.database = database
        # None for the simulated one, which lies in Redis.
        self.chain = chain[0] if chain else None
        self.apis = chain[1] if chain else None
        self.settings = StackSettings(redis_url=valkey.url, database_url=database.url)
        self.network = Elsewhere()  # Where wires are; here, a service that starts is waited for.
        self.replicas: list[Replica] = []
        self._services = Services(logs, Forked if code == ROOT else interpreter)
        self._started: list[Replica] = []
        self._code = code
        self._deadlines = itertools.cycle(_ACCEPT_DEADLINES_MS)
        self._asked = itertools.cycle(_ASKED)

    def doors(self) -> list[str]:
        """Return the addresses at which clients find a gateway."""
        urls = [replica.door.url for replica in self.replicas if replica.door]
        return [url.removeprefix("http://") for url in urls]

    def of(self, name: str) -> list[Replica]:
        """Return the replicas of a service."""
        return [replica for replica in self.replicas if replica.service.name == name]

    async def add(self, name: str) -> Replica:
        """Start a replica, and do not wait until it is ready."""
        redis, postgres = await self._wired()
        service = self._services.launch(name, self._variables(name, redis, postgres))
        door = None
        if name == "gateway":
            door = Proxy(f"http://{service.address}")
            await door.listen()
        replica = Replica(service, redis, postgres, door)
        self._started.append(replica)
        self.replicas.append(replica)
        return replica

    async def _wired(self) -> tuple[Wire, Wire]:
        redis = Wire(Server("Redis", self.valkey.port, writes=b"EVAL", sessions=False))
        postgres = Wire(self.database.server)
        await self.network.run(redis.listen())
        await self.network.run(postgres.listen())
        return redis, postgres

    def _variables(self, name: str, redis: Wire, postgres: Wire) -> dict[str, str]:
        settings = self.settings.model_copy(
            update={
                "redis_url": f"redis://127.0.0.1:{redis.port}/0",
                "database_url": self.database.url_at(postgres.port),
            }
        )
        if name == "gateway":
            settings = settings.model_copy(update={"accept_deadline_ms": next(self._deadlines)})
        if name == "router" and self.chain:
            settings = settings.model_copy(update={"venues": next(self._asked)})
        # Python would look into the present directory first.
        where = {"PYTHONPATH": str(self._code), "PYTHONSAFEPATH": "1"}
        return environment(settings) | where

    async def drop(self, replica: Replica, end: Callable[[Service], None]) -> None:
        """End a replica, by a kill or by a request to leave."""
        self.replicas.remove(replica)
        end(replica.service)
        for wire in replica.wires:
            await self.network.run(wire.retire())
        if replica.door:
            await replica.door.refuse()

    async def close(self) -> None:
        """End everything that runs."""
        for replica in self._started:
            replica.service.close()
            for wire in replica.wires:
                await self.network.run(wire.close())
        for replica in self.replicas:
            if replica.door:
                await replica.door.refuse()
        self.network.close()


@asynccontextmanager
async def staged(  # noqa: PLR0913 - one parameter a choice
    settings: dict[str, object],
    logs: Path,
    *,
    replicas: int,
    devchain: bool = False,
    without_compare: bool = False,
    code: Path = ROOT,
) -> AsyncIterator[Stage]:
    """Run servers and so many replicas of each service; leave nothing but `logs`.

    With `devchain`, a development chain is one of the servers, in place of the simulated one.

    `code` is where the services are found, without the comparison of appends if told so.
    """
    folder = Path(tempfile.mkdtemp(prefix="chaos"))
    valkey, database = Valkey(folder), Database(folder)
    chain = Devchain(folder, logs / "devchain") if devchain else None
    apis = Apis(chain.urls, logs / "apis") if chain else None
    stage: Stage | None = None
    try:
        await database.start()
        await asyncio.to_thread(valkey.start)
        if chain and apis:
            await chain.start()
            await chain.endow()
            await apis.start()
            settings = {**settings, **chain.settings, **apis.settings}
        if without_compare:
            code = _code_without_compare(code, folder / "code")
        struck = (chain, apis) if chain and apis else None
        stage = Stage(logs, valkey, database, struck, code)
        stage.settings = stage.settings.model_copy(update=settings)
        for name in itertools.chain.from_iterable([EVERY_SERVICE] * replicas):
            await stage.add(name)
        for replica in stage.replicas:
            await replica.service.ready()
        yield stage
    finally:
        if stage is not None:
            await stage.close()
        if apis:
            apis.kill()
        if chain:
            chain.kill()
        valkey.kill()
        database.clean()
        shutil.rmtree(folder, ignore_errors=True)


def _code_without_compare(code: Path, copy: Path) -> Path:
    """Return a copy of the services that append whatever version an order has."""
    for package in ("services", "shared"):
        shutil.copytree(code / package, copy / package)
    [script] = copy.rglob("append.lua")  # Its place depends on the checkout.
    text = script.read_text()
    if text.count(_COMPARE) != 1:
        raise ValueError(f"{_COMPARE!r} is not what append.lua compares by any more")
    script.write_text(text.replace(_COMPARE, "false"))
    return copy
