"""The log on a server that has no room."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from shared.settings import VenueSettings
from shared.streams.errors import LogUnavailable, WrongPartitions
from shared.streams.log import Log, Submission
from tests.builders import submitted
from tests.servers import Valkey


async def test_a_full_server_takes_nothing_says_so_and_recovers(settings: VenueSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        log = await Log.open(settings.model_copy(update={"redis_url": valkey.url}))
        order = submitted()
        try:
            await log.client.call("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(LogUnavailable) as refused:
                await log.submit([Submission(event=order)])
            assert not refused.value.maybe_applied
            assert await log.versions([order.order_id]) == [0]

            await log.client.call("CONFIG", "SET", "maxmemory", "0")
            [taken] = await log.submit([Submission(event=order)])
            assert taken.kind == "accepted"
        finally:
            await log.close()
            valkey.stop()


async def test_another_number_of_partitions_is_refused(settings: VenueSettings, log: Log) -> None:
    other = settings.model_copy(update={"partitions": settings.partitions + 1})

    with pytest.raises(WrongPartitions, match=f"PARTITIONS={settings.partitions}"):
        await Log.open(other)
