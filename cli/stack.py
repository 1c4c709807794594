"""The whole of Slipstream on one machine, as it runs anywhere: separate processes, real servers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from cli import running
from cli.claim import Claim
from cli.console import Say, Trouble
from cli.layout import Layout
from cli.plan import FreePorts, Replica, StackOptions, environment, replicas
from cli.postgres import Postgres
from cli.process import Keeper, Program
from cli.valkey import valkey, valkey_answers
from shared.archive.errors import ArchiveUnavailable, MigrationChanged
from shared.archive.migrate import migrate
from shared.settings import GatewaySettings, InvalidSettings, ProjectorSettings, VenueSettings

_START_S = 60.0
_POLL_S = 0.05
_MOST_DEATHS = 3
_TAIL_LINES = 12


class Stack:
    """Starts everything on entering, ends everything on leaving."""

    def __init__(self, options: StackOptions, say: Say) -> None:
        self.options = options
        self.layout = Layout(options.data_dir.resolve())
        self.gateways: list[Replica] = []
        self.killed = False
        self.redis_url = options.redis_url or ""
        self.database_url = options.database_url or ""
        self._say = say
        self._claim: Claim | None = None
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
        plan = replicas(self.options)
        _check_settings()
        self._claim = await Claim.take(self.layout, self._say, temporary=self.options.temporary)
        await together(self._start_valkey(), self._start_postgres())
        await self._migrate()
        await self._start_services(plan)
        self.gateways = [replica for replica in plan if replica.service == "gateway"]
        running.publish(self.layout, self._whereabouts(plan))

    async def _start_valkey(self) -> None:
        if self.options.redis_url is not None:
            return
        port = FreePorts().take()
        self.redis_url = f"redis://127.0.0.1:{port}/0"
        await self._start_server(valkey(self.layout, port), lambda: valkey_answers(port))
        self._say("ready", f"valkey       {self.redis_url}")

    async def _start_postgres(self) -> None:
        if self.options.database_url is not None:
            return
        self._postgres = Postgres(self.layout)
        await self._start_server(await self._postgres.prepare(), self._postgres.answers)
        self.database_url = self._postgres.url
        self._say("ready", f"postgres     {self.database_url}")

    async def _start_server(self, program: Program, answers: Callable[[], Awaitable[bool]]) -> None:
        keeper = Keeper(program, self._say)
        self._servers.append(keeper)
        await keeper.start()
        await _until(answers, keeper)

    async def _migrate(self) -> None:
        try:
            applied = await migrate(self.database_url)
        except (ArchiveUnavailable, MigrationChanged, ValueError) as error:
            raise Trouble(
                f"PostgreSQL cannot be used: {error}. Is --database-url right?"
            ) from error
        self._say("ready", f"tables       {', '.join(applied) or 'up to date'}")

    async def _start_services(self, plan: list[Replica]) -> None:
        env = environment(self.redis_url, self.database_url)
        async with httpx.AsyncClient(trust_env=False) as http:
            await together(*(self._start_service(http, replica, env) for replica in plan))

    async def _start_service(
        self, http: httpx.AsyncClient, replica: Replica, env: Mapping[str, str]
    ) -> None:
        keeper = Keeper(replica.program(self.layout, env), self._say)
        self._services.append(keeper)
        await keeper.start()
        await _until(lambda: _is_ready(http, replica), keeper)
        self._say("ready", f"{replica.name:<12} {replica.url}")

    async def _stop(self) -> None:
        running.withdraw(self.layout)
        if self._services:
            self._say("ending", "services finish what they have begun; Ctrl-C again cuts it short")
        await asyncio.gather(*(keeper.stop() for keeper in self._services))
        await asyncio.gather(*(keeper.stop() for keeper in self._servers))
        if self._postgres is not None:
            self._postgres.clean()
        if self._claim is not None:
            await self._claim.release()

    def _whereabouts(self, plan: list[Replica]) -> running.RunningStack:
        return running.RunningStack(
            pid=os.getpid(),
            gateways=[replica.url for replica in self.gateways],
            redis_url=self.redis_url,
            database_url=self.database_url,
            health={replica.name: replica.url for replica in plan},
        )


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Do all at the same time. The first that fails ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


def _check_settings() -> None:
    """Say what is wrong with the environment once, here, and not in five log files."""
    env = environment("redis://checked/0", "postgresql://checked/")
    try:
        for kind in (GatewaySettings, VenueSettings, ProjectorSettings):
            kind.from_env(env)
    except InvalidSettings as error:
        raise Trouble(f"The environment has wrong settings, see .env.example:\n{error}") from error


async def _is_ready(http: httpx.AsyncClient, replica: Replica) -> bool:
    try:
        answer = await http.get(f"{replica.url}/health/ready")
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


async def _until(ready: Callable[[], Awaitable[bool]], keeper: Keeper) -> None:
    """Wait until a program answers. Raises `Trouble`, with the end of its log, if it does not."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _START_S
    while not await ready():
        if keeper.deaths >= _MOST_DEATHS or loop.time() > deadline:
            log = keeper.program.log_file
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise Trouble(f"{keeper.program.name} does not start. The end of {log}:\n{tail}")
        await asyncio.sleep(_POLL_S)
