"""A ticket is good once, also when the network delivers what made it again."""

from __future__ import annotations

import pytest

from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.streams.redis import tickets
from tests.support.recorder import Recorder


async def test_a_late_copy_of_a_tickets_write_revives_nothing(
    settings: VenueSettings, log: Log
) -> None:
    recorder = Recorder(settings.redis_url)
    await recorder.listen()
    recorded = await Log.open(settings.model_copy(update={"redis_url": recorder.url}))
    ticket = await tickets.issue(recorded.client, log.keys, b"mine")
    used = await tickets.redeem(log.client, log.keys, ticket)
    assert await recorder.deliver_again() > 1
    again = await tickets.redeem(log.client, log.keys, ticket)
    await recorded.close()
    await recorder.refuse()

    assert (used, again) == (b"mine", None)


async def test_a_ticket_whose_write_comes_after_its_time_is_never_there(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "LIFE_S", 0)
    ticket = await tickets.issue(log.client, log.keys, b"mine")

    assert await tickets.redeem(log.client, log.keys, ticket) is None
