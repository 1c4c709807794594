"""Where commands find gateway, Redis and Postgres.

First what an option or its environment variable says, then the stack that runs on this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from cli import options, running
from cli.console import Trouble, err
from cli.plan import DEFAULT_PORT, environment
from shared.settings import InvalidSettings, Settings
from slipstream import AsyncClient
from slipstream.http import checked_url

_RETRY_S = 3.0  # Somebody waits before the screen.

Gateway = Annotated[
    str | None,
    typer.Option("--url", envvar="SLIPSTREAM_URL", metavar="URL", help="Where a gateway answers."),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        envvar="SLIPSTREAM_API_KEY",
        show_envvar=True,
        metavar="KEY",
        help="Rather set the variable: everybody on this machine can read a command line.",
    ),
]
Redis = Annotated[
    str | None, typer.Option(envvar="REDIS_URL", metavar="URL", help="Where the log is.")
]
Database = Annotated[
    str | None, typer.Option(envvar="DATABASE_URL", metavar="URL", help="Where the archive is.")
]


@dataclass(frozen=True, slots=True)
class Addresses:
    """What was found. A gateway is always looked for at its usual place.

    `services` are the health addresses of a stack that runs on this machine, by their names.
    """

    gateway: str
    redis_url: str | None
    database_url: str | None
    services: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> Settings:
        """Return the settings that say where the log is and what it is called.

        Raises `Trouble` when it is unknown or a setting is wrong.
        """
        if self.redis_url is None:
            raise Trouble(_unknown("Redis", "--redis-url"))
        return _settings(self.redis_url, self.database_url or "unknown")

    def database(self) -> str:
        """Return where the archive is. Raises `Trouble` when it is unknown."""
        if self.database_url is None:
            raise Trouble(_unknown("Postgres", "--database-url"))
        return self.database_url


def find(
    data_dir: Path | None,
    *,
    gateway: str | None = None,
    redis_url: str | None = None,
    database_url: str | None = None,
) -> Addresses:
    """Return where everything is, as far as that is known.

    Raises `SlipstreamError` for a gateway that is no URL, `Trouble`, and `typer.BadParameter` when
    it cannot be told which stack is meant.
    """
    stack = running.find(data_dir or options.DATA_DIR)
    if not (stack or gateway or redis_url or database_url):
        if data_dir:  # Not another one instead.
            raise typer.BadParameter(f"no stack runs on {data_dir}", param_hint="--data-dir")
        stack = elsewhere()
    usual = stack.gateways[0] if stack else f"http://127.0.0.1:{DEFAULT_PORT}"
    return Addresses(
        gateway=checked_url(gateway or usual),
        redis_url=redis_url or (stack.redis_url if stack else None),
        database_url=database_url or (stack.database_url if stack else None),
        services=stack.health if stack else {},
    )


def elsewhere() -> running.RunningStack | None:
    """Return the one stack that this user runs, wherever its data lie, and say where.

    Raises `typer.BadParameter` where several run.
    """
    stacks = running.known()
    if len(stacks) > 1:
        which = " or ".join(map(str, stacks))
        raise typer.BadParameter(f"several run: say which, {which}", param_hint="--data-dir")
    for found_in, stack in stacks.items():
        err.print(f"using the stack of {found_in}", markup=False)
        return stack
    return None


async def client_of(
    gateway: str, api_key: str | None, work: Callable[[AsyncClient], Awaitable[int]]
) -> int:
    """Return what `work` returns for a client of `gateway`."""
    async with AsyncClient(gateway, api_key=api_key, retry_for_s=_RETRY_S) as client:
        return await work(client)


def _settings(redis_url: str, database_url: str) -> Settings:
    try:
        return Settings.from_env(environment(redis_url, database_url))
    except InvalidSettings as error:
        raise Trouble(f"The environment has wrong settings:\n{error}") from error


def _unknown(server: str, option: str) -> str:
    return (
        "No stack was found: start one with `slipstream up`, "
        f"or say where {server} is with {option}."
    )
