"""What metrics say of a group's backlog: all of it, by state, and never what is no longer known."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from shared.orders.events import OrderSubmitted
from shared.settings import VenueSettings
from shared.streams.consumer.backlog import report_backlog, report_log
from shared.streams.consumer.group import Group
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.redis.server_info import server_health
from tests.support.eventually import eventually
from tests.support.replicas import placed
from tests.support.servers import Valkey


def value(log: Log, name: str, order_id: str, **labels: str) -> float | None:
    place = {"partition": f"{log.keys.partition_of(order_id):02}", **labels}
    return REGISTRY.get_sample_value(f"slipstream_{name}", place)


async def placed_together(log: Log) -> OrderSubmitted:
    """Place orders until two lie in one partition; return one of the two."""
    first, second = await placed(log), await placed(log)
    while log.keys.partition_of(second.order_id) != log.keys.partition_of(first.order_id):
        second = await placed(log)
    return first


async def test_pending_entries_are_in_flight_or_wait_for_a_retry(log: Log) -> None:
    group = Group(log, "router", "me")
    partition = log.keys.partition_of((await placed_together(log)).order_id)
    one, *rest = await group.read([partition], 10, 10)
    await group.retry_later([(one, 1)])

    await report_backlog(log, "router")

    of = {"group": "router"}
    order_id = one.order_id
    assert value(log, "pending_entries", order_id, state="retry", **of) == 1
    assert value(log, "pending_entries", order_id, state="in_flight", **of) == len(rest)


async def test_the_oldest_entry_that_nobody_was_given_has_an_age(log: Log) -> None:
    order = await placed(log)

    async def age_s() -> float:
        await report_backlog(log, "router")
        age = value(log, "oldest_undelivered_age_seconds", order.order_id, group="router")
        assert age is not None
        return age

    async def has_aged() -> bool:
        return await age_s() > 0.1

    await eventually(has_aged)
    group = Group(log, "router", "me")
    await group.read(list(group.partitions), 10, 10)

    assert await age_s() == 0


async def test_a_lag_that_redis_cannot_tell_any_more_is_absent(log: Log) -> None:
    first = await placed_together(log)
    stream = log.keys.stream(log.keys.partition_of(first.order_id), "router")
    group = Group(log, "router", "me")
    await report_backlog(log, "router")
    known = value(log, "lag_entries", first.order_id, group="router")
    await group.read(list(group.partitions), 1, 10)
    [[entry_id, _]] = await log.client.call("XREVRANGE", stream, "+", "-", "COUNT", 1)
    await log.client.call("XDEL", stream, entry_id)

    await report_backlog(log, "router")

    assert known == 2
    assert value(log, "lag_entries", first.order_id, group="router") is None


async def test_what_was_known_of_a_group_is_forgotten_while_redis_is_away(
    settings: VenueSettings, tmp_path: Path
) -> None:
    valkey = Valkey(tmp_path)
    valkey.start()
    log = await Log.open(settings.model_copy(update={"redis_url": valkey.url}))
    order = await placed(log)
    await report_backlog(log, "router")
    known = value(log, "lag_entries", order.order_id, group="router")
    valkey.kill()

    with pytest.raises(LogUnavailable):
        await report_backlog(log, "router")
    await log.close()

    assert known == 1
    assert value(log, "lag_entries", order.order_id, group="router") is None


async def test_the_log_and_its_dead_letters_are_counted(log: Log) -> None:
    order = await placed(log)
    group = Group(log, "router", "me")
    [delivery] = await group.read(list(group.partitions), 10, 10)
    await group.bury(delivery, "unreadable")

    await report_log(log)

    assert value(log, "log_entries", order.order_id) == 1
    assert value(log, "dead_letters_kept", order.order_id) == 1


async def test_redis_says_whether_it_writes_its_file_and_has_thrown_keys_away(log: Log) -> None:
    found = await server_health(log.client)

    [_, appendonly] = await log.client.call("CONFIG", "GET", "appendonly")
    assert found.append_only == (appendonly == b"yes")
    assert found.evicted_keys == 0
    assert 0 < found.memory_used < 1
