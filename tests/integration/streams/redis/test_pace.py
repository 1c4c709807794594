"""Places in a rate: no window has too many, whoever asks, and nobody comes in a crowd."""

from __future__ import annotations

import asyncio

import pytest

from shared.settings import VenueSettings
from shared.streams.log.log import Log
from shared.streams.redis.pace import Pace, Rate


def a_pace(log: Log, rate: str) -> Pace:
    return Pace(log.client, log.keys.namespace, "jupiter", Rate.parse(rate))


async def test_replicas_together_get_no_more_places_than_a_window_has(
    log: Log, settings: VenueSettings
) -> None:
    other = await Log.open(settings)
    paces = [a_pace(log, "5/hour"), a_pace(other, "5/hour")]
    waits = await asyncio.gather(*(pace.place(0, of=5) for pace in paces * 6))
    left = await paces[0].left()
    await other.close()

    assert sum(wait == 0 for wait in waits) == 5
    assert left.places == 0


async def test_each_who_waits_has_a_time_of_his_own(log: Log) -> None:
    pace = a_pace(log, "2/hour")
    waits = [round(await pace.place(36_000, of=2) / 3_600) for _ in range(6)]

    assert waits == [0, 0, 1, 1, 2, 2]


async def test_a_wait_that_is_too_long_takes_no_place_and_is_not_asked_for_twice(log: Log) -> None:
    pace = a_pace(log, "1/hour")
    await pace.place(0, of=1)
    refused = [await pace.place(60, of=1) for _ in range(3)]
    await log.client.call("DEL", *pace._keys)
    known = await pace.place(60, of=1)
    afresh = await a_pace(log, "1/hour").place(60, of=1)

    assert all(wait > 3_000 for wait in (*refused, known))
    assert afresh == 0


async def test_part_of_the_places_is_kept_for_those_who_may_use_all(log: Log) -> None:
    pace = a_pace(log, "4/hour")
    quotes = [await pace.place(0, of=3) for _ in range(4)]
    build = await pace.place(0, of=4)

    assert [wait == 0 for wait in (*quotes, build)] == [True, True, True, False, True]


async def test_a_rest_holds_for_every_replica_and_no_shorter_one_ends_it(log: Log) -> None:
    pace, other = a_pace(log, "9/second"), a_pace(log, "9/second")
    await pace.rest(600)
    await other.rest(1)
    await other.rest(0)
    left, wait = await other.left(), await other.place(10, of=9)

    assert left.places == 9
    assert left.rest_ms > 500_000
    assert wait > 500


async def test_places_are_free_again_once_the_window_has_passed(log: Log) -> None:
    pace = a_pace(log, "3/second")
    for _ in range(3):
        await pace.place(0, of=3)
    now, _ = await log.client.call("TIME")
    key = pace._keys[0]
    for member in await log.client.call("ZRANGE", key, 0, -1):
        await log.client.call("ZADD", key, (int(now) - 60) * 1_000, member)
    waits = [await pace.place(0, of=3) for _ in range(3)]

    assert waits == [0, 0, 0]
    assert await log.client.call("ZCARD", key) == 3


@pytest.mark.parametrize("text", ["", "0/second", "1/day", "1.5/second", "100000/second", "1"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="10/second"):
        Rate.parse(text)
