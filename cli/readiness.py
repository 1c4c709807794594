"""Before a stack starts, and until it is ready: what can be wrong, said at once and clearly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from cli.console import Trouble
from cli.plan import Replica
from cli.process import Keeper
from services.gateway.access.api_keys import BadKeys, access_for
from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable, MigrationChanged
from shared.archive.migrate import migrate
from shared.archive.sessions.connect import connect, unavailable
from shared.settings import ExecutorSettings, GatewaySettings, InvalidSettings, ProjectorSettings
from shared.streams.errors import LogUnavailable
from shared.streams.redis.client import Client
from shared.venues.registry import chosen_venues

_START_S = 60.0
_POLL_S = 0.05
_MOST_DEATHS = 3
_TAIL_LINES = 12
_CANNOT_START = "Cannot start"  # See `run_service`.


def check_settings(env: Mapping[str, str]) -> GatewaySettings:
    """Return the gateways' settings in the environment that all services are to have.

    Raises `Trouble` for a wrong one: once, here, and not in five log files.
    """
    try:
        for kind in (ExecutorSettings, ProjectorSettings):
            kind.from_env(env)
        settings = GatewaySettings.from_env(env)
        chosen_venues(settings)
        access_for(settings)
    except BadKeys as error:
        raise Trouble(f"API_KEYS_FILE {settings.api_keys_file}: {error}") from error
    except InvalidSettings as error:
        raise Trouble(f"{error} (.env.example lists the environment's variables)") from error
    return settings


async def reach(redis_url: str | None) -> None:
    """Raise `Trouble` if Redis is away: at once, not when every service has waited for it."""
    if redis_url is None:
        return
    try:
        client = await Client.connect(redis_url)
    except LogUnavailable as error:
        why = str(error).rstrip(".")
        raise Trouble(f"Redis cannot be used: {why}. Is REDIS_URL right?") from error
    await client.close()


async def reach_database(database_url: str | None) -> None:
    """Raise `Trouble` if PostgreSQL is away."""
    if database_url is None:
        return
    with _database_told():
        await (await connect(database_url)).close()


async def prepare_tables(database_url: str) -> list[str]:
    """Apply the migrations that are missing, and return their names. Raises `Trouble`."""
    with _database_told():
        return await migrate(database_url)


@contextmanager
def _database_told() -> Iterator[None]:
    try:
        with unavailable():
            yield
    except ArchiveUnusable as error:
        raise Trouble(f"Postgres cannot be used: {error}.") from error
    except (ArchiveUnavailable, MigrationChanged) as error:
        raise Trouble(f"Postgres cannot be used: {error}. Is DATABASE_URL right?") from error


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
    """Wait until a program answers. Raises `Trouble` that says why if it does not."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _START_S
    log = keeper.program.log_file
    while True:
        is_there = await ready()
        if keeper.deaths and (said := _last_words(log)):  # Then it is somebody else who answers.
            raise Trouble(f"{keeper.program.name}: {said}")
        if is_there:
            return
        if keeper.deaths >= _MOST_DEATHS or loop.time() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise Trouble(f"{keeper.program.name} does not start. The end of {log}:\n{tail}")
        await asyncio.sleep(_POLL_S)


def _last_words(log: Path) -> str:
    """Return what a service said that cannot start, however often it is started; else nothing."""
    _, found, said = log.read_text(errors="replace").rpartition(_CANNOT_START)
    return found + said.rstrip() if found else ""
