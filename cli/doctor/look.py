"""Look at gateway, services, Redis and Postgres, and have what is seen judged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Literal

import httpx

from cli.addresses import Addresses
from cli.conflicts import archive_of
from cli.console import Trouble
from cli.doctor.findings import (
    Finding,
    judge_backlog,
    judge_clock,
    judge_database,
    judge_dead,
    judge_server,
    judge_standing,
)
from cli.logs import log_of
from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable
from shared.archive.server_info import database_facts
from shared.clock import utc_now
from shared.errors import ServerAway
from shared.orders.dispatch import GROUPS
from shared.settings import Settings
from shared.streams.consumer.backlog import backlog_of
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log, existing_log
from shared.streams.recovery.dead_letters import dead_letters
from shared.streams.recovery.lost_writes import gaps
from shared.streams.redis.client import Client
from shared.streams.redis.server_info import server_facts
from slipstream.http import is_local

_LONG_S = 60.0  # Longer than anybody looks.


class Look:
    """A look at one thing. It may hang: `findings` holds what was found so far."""

    def __init__(
        self,
        source: AsyncIterator[Finding],
        at: str,
        *,
        grade: Literal["note", "broken"] = "broken",
    ) -> None:
        """`grade` is how bad it is if no answer comes."""
        self.findings: list[Finding] = []
        self._source = source
        self._at = at
        self._grade = grade

    async def __call__(self) -> None:
        """Look."""
        async for finding in self._source:
            self.findings.append(finding)

    def miss(self, after_s: float) -> None:
        """Note that no more has come for `after_s` seconds."""
        advice = "see whether that is its address, and whether what runs there hangs"
        self.findings.append(
            Finding(
                self._grade,
                f"{self._at}: no answer within {after_s:g} s",
                advice if self._grade == "broken" else "",
            )
        )


async def look_at_service(name: str, url: str) -> AsyncIterator[Finding]:
    """Yield whether a service says that it is well."""
    trusts = not is_local(url)
    async with httpx.AsyncClient(base_url=url, timeout=_LONG_S, trust_env=trusts) as http:
        try:
            answer = await http.get("/health/ready")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            yield Finding("broken", f"{name} at {url}: {why}", "start it, or give its address")
            return
    if answer.status_code != httpx.codes.OK:
        yield Finding("broken", f"{name} at {url}: {answer.text}", "see the servers below")
    else:
        yield Finding("ok", f"{name} at {url}")


def _unknown(server: str, option: str) -> Finding:
    return Finding("note", f"{server} was not looked at", f"give {option}, or run `slipstream up`")


async def look_at_redis(addresses: Addresses) -> AsyncIterator[Finding]:
    """Yield what there is to say about the server, the log, its groups and its dead letters."""
    if addresses.redis_url is None:
        yield _unknown("Redis", "--redis-url")
        return
    settings = addresses.settings()
    try:
        client = await Client.connect(settings.redis_url, timeout_s=settings.redis_timeout_s)
        try:
            async for finding in _server_and_log(client, settings):
                yield finding
        finally:
            await client.close()
    except LogUnavailable as error:
        advice = "" if error.refused else "start the server, or give --redis-url"
        yield Finding("broken", str(error), advice)


async def _server_and_log(client: Client, settings: Settings) -> AsyncIterator[Finding]:
    facts = await server_facts(client)
    for finding in judge_server(facts):
        yield finding
    yield judge_clock(facts.product, facts.now, utc_now())
    log = await existing_log(client, settings.namespace)
    if log is None:
        advice = "start any service, which makes it"
        yield Finding("broken", f"there is no log named {settings.namespace!r}", advice)
        return
    async for finding in _log(log):
        yield finding


async def _log(log: Log) -> AsyncIterator[Finding]:
    for group in GROUPS:
        yield judge_backlog(group, await backlog_of(log, group), log.keys.partitions)
    yield judge_dead(len(await dead_letters(log)))


async def look_at_postgres(addresses: Addresses) -> AsyncIterator[Finding]:
    """Yield what there is to say about the server and the tables."""
    if addresses.database_url is None:
        yield _unknown("PostgreSQL", "--database-url")
        return
    try:
        facts = await database_facts(addresses.database_url)
    except ArchiveUnusable as error:
        yield Finding("broken", f"PostgreSQL cannot be used: {error}")
        return
    except (ArchiveUnavailable, ValueError) as error:
        yield Finding("broken", str(error), "start the server, or give --database-url")
        return
    for finding in judge_database(facts):
        yield finding
    yield judge_clock("PostgreSQL", facts.now, utc_now())


async def look_at_both(addresses: Addresses) -> AsyncIterator[Finding]:
    """Yield whether Redis has lost what it had acknowledged, where that can be told."""
    if not (addresses.redis_url and addresses.database_url):
        return
    with suppress(ServerAway, Trouble, ValueError):  # Which is said of each server by itself.
        async with archive_of(addresses) as archive, log_of(addresses) as log:
            archived = await archive.positions(log.keys.namespace)
            yield judge_standing(await gaps(log, archived))
