"""New orders are taken in once, whatever comes again, and whatever clocks do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from shared.settings import VenueSettings
from shared.streams.errors import LogUnavailable
from shared.streams.log.appends import Append
from shared.streams.log.creation import Creation, Submission
from shared.streams.log.log import Log
from tests.support.builders import submitted
from tests.support.eventually import eventually
from tests.support.gateway import events_on
from tests.support.replicas import a_submission, submit
from tests.support.servers import Valkey

MOST = 100_000  # What `create.lua` remembers at a time, in a partition.
HOUR_MS = 3_600_000


async def forget_history(log: Log, order_id: str) -> None:
    """Let an order's history go as it does when the order has ended and is archived."""
    await log.client.call("DEL", log.keys.history(order_id))


async def edge_of(log: Log, order_id: str) -> float:
    taken = log.keys.taken(log.keys.partition_of(order_id))
    return float(await log.client.call("ZSCORE", taken, ""))


async def let_clock_pass(log: Log, order_id: str, until_ms: int) -> None:
    """Make a partition forget as it would at that time, however the server's clock stands."""
    taken = log.keys.taken(log.keys.partition_of(order_id))
    await log.client.call("ZADD", taken, until_ms, "")
    await log.client.call("ZREMRANGEBYSCORE", taken, "-inf", f"({until_ms}")


async def test_a_repeat_after_the_order_has_left_redis_adds_nothing(log: Log) -> None:
    submission = a_submission(submitted())
    creation = Creation(log)
    await creation.submit([submission])
    await forget_history(log, submission.event.order_id)

    [again] = await creation.submit([submission])

    assert again.kind == "accepted"
    assert await events_on(log) == 1
    assert await log.versions([submission.event.order_id]) == [0]


async def test_a_repeat_after_its_time_is_late_and_adds_nothing(log: Log) -> None:
    submission = a_submission(submitted())
    creation = Creation(log)
    await creation.submit([submission])
    await forget_history(log, submission.event.order_id)
    await let_clock_pass(log, submission.event.order_id, submission.until_ms + 1)

    [again] = await creation.submit([submission])

    assert again.kind == "late"
    assert await events_on(log) == 1


async def test_a_first_try_that_comes_after_its_time_is_late_and_adds_nothing(log: Log) -> None:
    [answer] = await Creation(log).submit([Submission(event=submitted(), until_ms=1)])

    assert answer.kind == "late"
    assert await events_on(log) == 0


async def test_a_clock_that_steps_back_takes_nothing_in_again(log: Log) -> None:
    submission = a_submission(submitted())
    creation = Creation(log)
    await creation.submit([submission])
    await forget_history(log, submission.event.order_id)
    # The clock was an hour ahead for a while, and is not any more.
    await let_clock_pass(log, submission.event.order_id, submission.until_ms + HOUR_MS)

    [again] = await creation.submit([submission])

    assert again.kind == "late"
    assert await events_on(log) == 1


async def test_orders_are_taken_in_while_the_clock_is_behind_what_was_forgotten(log: Log) -> None:
    event, creation = submitted(), Creation(log)
    await let_clock_pass(log, event.order_id, a_submission(event).until_ms + HOUR_MS)
    kinds = []
    for _ in range(2):
        until_ms = creation.until_ms(event.order_id)
        [answer] = await creation.submit([Submission(event=event, until_ms=until_ms)])
        kinds.append(answer.kind)

    assert kinds == ["late", "accepted"]


async def test_who_does_not_know_the_clock_is_late_and_is_told_the_time(log: Log) -> None:
    event, creation = submitted(), Creation(log)
    assert creation.until_ms(event.order_id) == 0

    [late] = await creation.submit([Submission(event=event, until_ms=0)])
    until_ms = creation.until_ms(event.order_id)
    [taken] = await creation.submit([Submission(event=event, until_ms=until_ms)])

    assert (late.kind, taken.kind) == ("late", "accepted")
    assert abs(until_ms - 5_000 - await edge_of(log, event.order_id)) < HOUR_MS


async def test_with_too_many_to_remember_the_oldest_are_forgotten_and_late(log: Log) -> None:
    first = a_submission(submitted())
    creation = Creation(log)
    await creation.submit([first])
    await forget_history(log, first.event.order_id)
    taken = log.keys.taken(log.keys.partition_of(first.event.order_id))
    for start in range(0, MOST + 1, 1_000):
        pairs = [x for n in range(start, start + 1_000) for x in (first.until_ms + 1 + n, f"o{n}")]
        await log.client.call("ZADD", taken, *pairs)

    other = submitted()
    while log.keys.partition_of(other.order_id) != log.keys.partition_of(first.event.order_id):
        other = submitted()
    await creation.submit([Submission(event=other, until_ms=first.until_ms + HOUR_MS)])

    async def forgotten() -> bool:
        [answer] = await creation.submit([first])
        return answer.kind == "late"

    await eventually(forgotten)
    assert await log.client.call("ZCARD", taken) <= MOST + 1
    assert await events_on(log) == 2


async def test_a_full_server_forgets_nobody_and_takes_nobody_in(settings: VenueSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        log = await Log.open(settings.model_copy(update={"redis_url": valkey.url}))
        first, other = a_submission(submitted()), a_submission(submitted())
        creation = Creation(log)
        try:
            await creation.submit([first])
            await forget_history(log, first.event.order_id)
            await log.client.call("CONFIG", "SET", "maxmemory", "1")
            for batch in ([first], [first, other, a_submission(submitted())]):
                with pytest.raises(LogUnavailable) as refused:
                    await creation.submit(batch)
                assert not refused.value.maybe_applied
            await log.client.call("CONFIG", "SET", "maxmemory", "0")

            again, taken = await creation.submit([first, other])

            assert (again.kind, taken.kind) == ("accepted", "accepted")
            assert await events_on(log) == 2
        finally:
            await log.close()
            valkey.stop()


async def test_a_server_that_came_back_empty_takes_no_repeat_in(log: Log) -> None:
    event, creation = submitted(), Creation(log, within_s=600)
    taken = log.keys.taken(log.keys.partition_of(event.order_id))
    await log.client.call("ZADD", taken, 1, "")  # It was there before.
    await creation.submit([Submission(event=event, until_ms=0)])
    # A minute ago: what is known of the clock is ahead by what an answer takes.
    until_ms = creation.until_ms(event.order_id) - 60_000
    submission = Submission(event=event, until_ms=until_ms)
    [first] = await creation.submit([submission])
    await log.client.call("DEL", taken, log.keys.history(event.order_id))

    [again] = await creation.submit([submission])

    assert (first.kind, again.kind) == ("accepted", "late")


async def test_an_order_that_could_not_be_written_is_not_taken_for_one_that_was(log: Log) -> None:
    submission = a_submission(submitted())
    order_id = submission.event.order_id
    stream = log.keys.log(log.keys.partition_of(order_id))
    creation = Creation(log)
    await log.client.call("RENAME", stream, f"{stream}-away")
    await log.client.call("SET", stream, "in the way")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await creation.submit([submission])
    await log.client.call("RENAME", f"{stream}-away", stream)

    [again] = await creation.submit([submission])

    assert again.kind == "accepted"
    assert await log.versions([order_id]) == [1]


async def test_what_may_come_no_more_is_forgotten(log: Log) -> None:
    for _ in range(20):
        await submit(log, submitted())
    taken = [log.keys.taken(partition) for partition in range(log.keys.partitions)]
    for key in taken:
        for order_id in await log.client.call("ZRANGE", key, 1, -1):
            await log.client.call("ZADD", key, 2, order_id)
        await log.client.call("ZADD", key, 1, "")

    await submit(log, *(submitted() for _ in range(100)))

    remembered = [await log.client.call("ZCARD", key) for key in taken]
    assert sum(remembered) == 100 + len(taken)


def test_an_append_cannot_begin_an_order() -> None:
    with pytest.raises(ValueError, match="begun by a submission"):
        Append(order_id="1", expected=0, events=[submitted()])
