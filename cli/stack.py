"""The whole of Slipstream on one machine, as it runs anywhere: separate processes, real servers."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cli import market, prometheus, running
from cli.claim import Claim
from cli.console import Say, Trouble
from cli.devchain import Devchain
from cli.layout import Layout
from cli.plan import (
    DEFAULT_PORT,
    DEVCHAIN,
    LOCAL,
    FreePorts,
    Replica,
    StackOptions,
    environment,
    hold,
    replicas,
)
from cli.postgres import Postgres
from cli.process import Keeper, Program
from cli.readiness import check_settings, is_ready, prepare_tables, reach, reach_database, until
from cli.valkey import Valkey
from cli.wallets.first import prepare

_NOT_YET = "not yet known"
_TRIES = 3


class Stack:
    """Starts everything on entering, ends everything on leaving."""

    def __init__(self, options: StackOptions, say: Say) -> None:
        self.options = options
        self.layout = Layout(options.data_dir.resolve())
        self.gateways: list[Replica] = []
        self.killed = False
        self.redis_url = options.redis_url or ""
        self.database_url = options.database_url or ""
        self.prometheus_url: str | None = None
        self.rpc_urls = os.environ.get("RPC_URLS", "")
        self.wallets_file = Path(os.environ.get("WALLETS_FILE") or self.layout.wallets).resolve()
        self.ways_in: list[str] = []  # Commands of a shell: a person's way to embedded servers.
        self._say = say
        self._claim: Claim | None = None
        self._ports = FreePorts()
        self._held: list[socket.socket] = []
        self._postgres: Postgres | None = None
        self._servers: list[Keeper] = []
        self._services: list[Keeper] = []

    async def __aenter__(self) -> Self:
        """Return once everything is ready. Raises `Trouble`, with nothing left running."""
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the services, which finish what they have begun, and then the servers."""
        await self._stop()

    def kill(self) -> None:
        """End every process at once. What was accepted is on disk."""
        self.killed = True
        for keeper in (*self._services, *self._servers):
            keeper.kill()

    async def _start(self) -> None:
        os.umask(0o077)  # What all of it writes is for this user's eyes.
        plan = self._planned()
        self.gateways = [replica for replica in plan if replica.service == "gateway"]
        usual = self.gateways[0].port == DEFAULT_PORT
        if self.options.port is None and not self.options.temporary and not usual:
            self._say("note", f"port {DEFAULT_PORT} is taken; the gateway gets another")
        if check_settings(self.environment() | self.gateways[0].environment()).open_access:
            self._say("note", "OPEN_ACCESS: everybody who reaches a gateway may do everything")
        await together(reach(self.options.redis_url), reach_database(self.options.database_url))
        self._claim = await Claim.take(self.layout, self._say, temporary=self.options.temporary)
        await together(self._start_valkey(), self._start_postgres(), self._start_chain())
        await self._begin_market()
        applied = await prepare_tables(self.database_url)
        self._say("ready", f"tables       {', '.join(applied) or 'up to date'}")
        await self._start_services(plan)
        self._let_go()
        if self.options.monitoring:
            await self._start_prometheus(plan)
        running.publish(self.layout, self._whereabouts(plan), known=not self.options.temporary)

    def _planned(self) -> list[Replica]:
        """Return the processes to start, with their ports held. Raises `Trouble`."""
        for tries_left in reversed(range(_TRIES)):
            plan = replicas(self.options, self._ports)
            try:
                for replica in plan:
                    self._held.append(hold(replica))
            except Trouble:
                self._let_go()  # Somebody was faster since it was found to be free.
                self._held = []
                if self.options.port or not tries_left:
                    raise
            else:
                break
        return plan

    async def _start_valkey(self) -> None:
        if self.options.redis_url is not None:
            return
        valkey = Valkey(self.layout, self._ports.take())
        await self._start_server(valkey.prepare(), valkey.answers)
        self.redis_url = valkey.url
        self.ways_in.append(valkey.command)
        self._say("ready", f"valkey       {LOCAL}:{valkey.port}")

    async def _start_postgres(self) -> None:
        if self.options.database_url is not None:
            return
        self._postgres = Postgres(self.layout)
        await self._start_server(await self._postgres.prepare(), self._postgres.answers)
        self.database_url = self._postgres.url
        self.ways_in.append(self._postgres.command)
        self._say("ready", f"postgres     {self.database_url}")

    async def _start_chain(self) -> None:
        if self.options.chain != DEVCHAIN:
            return
        if not self.rpc_urls:
            devchain = Devchain(self.layout, self._ports.take())
            settings = check_settings(self.environment())
            program = devchain.program(settings.block_ms, settings.market)
            await self._start_server(program, devchain.answers)
            self.rpc_urls = devchain.url
            self._say("ready", f"devchain     {devchain.url}, a development chain: no real money")
        self._say("note", await prepare(self.environment(), self.wallets_file))

    async def _begin_market(self) -> None:
        settings = check_settings(self.environment())
        if settings.venue_market:
            await market.begin(settings)
            self._say("ready", "market       goes by VENUE_MARKET; `slipstream market` moves it")

    async def _start_prometheus(self, plan: list[Replica]) -> None:
        binary = prometheus.find()
        if binary is None:
            self._say("note", prometheus.NOT_INSTALLED)
            return
        port = prometheus.free_port()
        url = f"http://127.0.0.1:{port}"
        program = prometheus.prometheus(binary, self.layout, port, plan)
        async with httpx.AsyncClient(trust_env=False) as http:
            await self._start_server(program, lambda: prometheus.answers(http, url))
        self.prometheus_url = url
        self._say("ready", f"prometheus   {url}")

    async def _start_server(self, program: Program, answers: Callable[[], Awaitable[bool]]) -> None:
        keeper = Keeper(program, self._say)
        self._servers.append(keeper)
        await keeper.start()
        await until(answers, keeper)

    async def _start_services(self, plan: list[Replica]) -> None:
        env = self.environment()
        async with httpx.AsyncClient(trust_env=False) as http:
            await together(*(self._start_service(http, replica, env) for replica in plan))

    def environment(self) -> dict[str, str]:
        """Return the settings of every service: where the servers are, and the chain."""
        # Those of embedded servers are not known before they run.
        env = environment(self.redis_url or _NOT_YET, self.database_url or _NOT_YET)
        env |= {"CHAIN": self.options.chain, "RPC_URLS": self.rpc_urls}
        env |= {"WALLETS_FILE": str(self.wallets_file)} if self.wallets_file.exists() else {}
        if self.options.temporary:  # It is its own only client, and as fast as it likes.
            for name in ("API_KEYS_FILE", "RATE_LIMIT_ACCOUNT", "RATE_LIMIT_GLOBAL", "TOKENS_FILE"):
                env.pop(name, None)
        return env

    async def _start_service(
        self, http: httpx.AsyncClient, replica: Replica, env: Mapping[str, str]
    ) -> None:
        keeper = Keeper(replica.program(self.layout, env), self._say)
        self._services.append(keeper)
        await keeper.start()
        await until(lambda: is_ready(http, replica), keeper)
        self._say("ready", f"{replica.name:<12} {replica.url}")

    def _let_go(self) -> None:
        for claim in self._held:
            claim.close()

    async def _stop(self) -> None:
        self._let_go()
        if self._claim is None:
            return
        running.withdraw(self.layout)
        if self._services:
            self._say("ending", "services finish what they have begun; Ctrl-C again cuts it short")
        await asyncio.gather(*(keeper.stop() for keeper in self._services))
        await asyncio.gather(*(keeper.stop() for keeper in self._servers))
        if self._postgres is not None:
            self._postgres.clean()
        await self._claim.release()

    def _whereabouts(self, plan: list[Replica]) -> running.RunningStack:
        return running.RunningStack(
            pid=os.getpid(),
            gateways=[replica.url for replica in self.gateways],
            redis_url=self.redis_url,
            database_url=self.database_url,
            health={replica.name: replica.url for replica in plan},
            prometheus=self.prometheus_url,
            chain=self.options.chain,
            rpc_urls=self.rpc_urls,
            wallets_file=str(self.wallets_file),
        )


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Do all at the same time. The first that fails ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
