"""Before a stack starts, and until it is ready: what can be wrong, said at once and clearly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from cli.console import Trouble
from cli.plan import Replica, environment
from cli.process import Keeper
from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable, MigrationChanged
from shared.archive.migrate import migrate
from shared.settings import ExecutorSettings, GatewaySettings, InvalidSettings, ProjectorSettings
from shared.streams.errors import LogUnavailable
from shared.streams.redis.client import Client

_START_S = 60.0
_POLL_S = 0.05
_MOST_DEATHS = 3
_TAIL_LINES = 12


def check_settings(host: str) -> GatewaySettings:
    """Return the settings of gateways that listen on `host`.

    Raises `Trouble` for a wrong environment: once, here, and not in five log files.
    """
    env = environment("redis://checked/0", "postgresql://checked/") | {"HTTP_HOST": host}
    try:
        for kind in (ExecutorSettings, ProjectorSettings):
            kind.from_env(env)
        return GatewaySettings.from_env(env)
    except InvalidSettings as error:
        raise Trouble(f"The environment has wrong settings, see .env.example:\n{error}") from error


async def reach(redis_url: str) -> None:
    """Raise `Trouble` if Redis is away: at once, not when every service has waited for it."""
    try:
        client = await Client.connect(redis_url)
    except (LogUnavailable, ValueError) as error:
        raise Trouble(f"Redis cannot be used: {error}. Is --redis-url right?") from error
    await client.close()


async def prepare_tables(database_url: str) -> list[str]:
    """Apply the migrations that are missing, and return their names. Raises `Trouble`."""
    try:
        return await migrate(database_url)
    except ArchiveUnusable as error:
        raise Trouble(f"Postgres cannot be used: {error}.") from error
    except (ArchiveUnavailable, MigrationChanged, ValueError) as error:
        raise Trouble(f"Postgres cannot be used: {error}. Is --database-url right?") from error


async def is_ready(http: httpx.AsyncClient, replica: Replica) -> bool:
    """Return whether a replica says that it is ready."""
    return await says_yes(http, f"{replica.url}/health/ready")


async def says_yes(http: httpx.AsyncClient, url: str) -> bool:
    """Return whether an address answers with 200."""
    try:
        answer = await http.get(url)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


async def until(ready: Callable[[], Awaitable[bool]], keeper: Keeper) -> None:
    """Wait until a program answers. Raises `Trouble`, with the end of its log, if it does not."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _START_S
    while not await ready():
        if keeper.deaths >= _MOST_DEATHS or loop.time() > deadline:
            log = keeper.program.log_file
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise Trouble(f"{keeper.program.name} does not start. The end of {log}:\n{tail}")
        await asyncio.sleep(_POLL_S)
