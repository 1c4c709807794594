"""A Valkey and a PostgreSQL for one system, the same programs and settings for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from redis import Redis

from cli import locks
from cli.claim import Claim
from cli.console import Say
from cli.layout import Layout
from cli.plan import FreePorts
from cli.postgres import Postgres
from cli.process import Keeper, Program
from cli.readiness import until
from cli.stack import together
from cli.valkey import Valkey

# Tells when a row was committed, by the server's own clock, to whoever asks.
_COMMIT_TIMES = ("-c", "track_commit_timestamp=on")


class Servers:
    """Starts both on entering, in a directory that is gone after leaving."""

    def __init__(self, root: Path, say: Say, *postgres_options: str) -> None:
        self.layout = Layout(root.resolve())
        self.say = say
        self._valkey = Valkey(self.layout, FreePorts().take())
        self.redis_url = self._valkey.url
        self.redis = Redis.from_url(self.redis_url, decode_responses=True)
        self._postgres = Postgres(self.layout)
        self._postgres_options = (*_COMMIT_TIMES, *postgres_options)
        self._claim: Claim | None = None
        self._keepers: list[Keeper] = []

    @property
    def database_url(self) -> str:
        """Return where PostgreSQL listens, in words that libpq and node's pg understand."""
        return self._postgres.url

    async def __aenter__(self) -> Self:
        """Return once both answer."""
        # The claim's watchdog ends what is left when this process is killed.
        self._claim = await Claim.take(self.layout, self.say, temporary=True)
        try:
            await together(self._start_valkey(), self._start_postgres())
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End both."""
        await self.stop()

    async def stop(self) -> None:
        """End both, and remove what they wrote."""
        self.redis.close()
        for keeper in self._keepers:
            await keeper.stop()
        self._postgres.clean()
        if self._claim is not None:
            await self._claim.release()

    def pids(self) -> dict[str, int]:
        """Return the two processes."""
        return {keeper.program.name: pid_of(keeper) for keeper in self._keepers}

    def sync(self, policy: str) -> None:
        """Let Valkey bring its log to the disk `always` before it answers, or `everysec`."""
        self.redis.config_set("appendfsync", policy)

    def sql(self, query: str) -> Any:
        """Run a statement, and return the first value of its first row, if it has any."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    async def _start_valkey(self) -> None:
        await self._start(self._valkey.prepare(), self._valkey.answers)

    async def _start_postgres(self) -> None:
        program = await self._postgres.prepare()
        program = dataclasses.replace(program, argv=(*program.argv, *self._postgres_options))
        await self._start(program, self._postgres.answers)

    async def _start(self, program: Program, answers: Callable[[], Awaitable[bool]]) -> None:
        keeper = Keeper(program, self.say)
        self._keepers.append(keeper)
        await keeper.start()
        await until(answers, keeper)


def pid_of(keeper: Keeper) -> int:
    """Return the process that a keeper keeps. Raises `ProcessLookupError` when there is none."""
    pid = locks.holder(keeper.program.pid_file)
    if pid is None:
        raise ProcessLookupError(keeper.program.name)
    return pid
