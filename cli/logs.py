"""The log, for commands that need one that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.addresses import Addresses
from cli.console import Trouble
from shared.streams.log.log import Log, existing_log
from shared.streams.redis.client import Client


@asynccontextmanager
async def log_of(found: Addresses) -> AsyncIterator[Log]:
    """Yield the log. Raises `Trouble` when there is none."""
    settings = found.settings()
    client = await Client.connect(settings.redis_url, timeout_s=settings.redis_timeout_s)
    try:
        log = await existing_log(client, settings.namespace)
        if log is None:
            raise Trouble(f"There is no log named {settings.namespace!r} in this Redis.")
        yield log
    finally:
        await client.close()
