"""A link to Redis that breaks between two commands."""

from __future__ import annotations

import pytest
import uvloop

from shared.streams.redis.client import Client
from shared.streams.redis.error_mapping import AWAY


def test_a_link_that_broke_before_it_was_written_to_means_that_redis_is_away(
    redis_url: str,
) -> None:
    async def write_to_a_broken_link() -> None:
        client = await Client.connect(redis_url)
        [link] = client.links().values()
        try:
            await link.connect()
            link._writer.transport.abort()
            with pytest.raises(AWAY):
                await link.send_command("PING", check_health=False)
        finally:
            await client.close()

    # As the services run; asyncio's own loop has another word for it.
    uvloop.run(write_to_a_broken_link())
