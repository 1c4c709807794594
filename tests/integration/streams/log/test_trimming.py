"""The log keeps what followers of accounts may come back for, and not much more."""

from __future__ import annotations

import pytest_asyncio

from shared.orders.dispatch import READERS
from shared.streams.log.log import Log

PARTITION = 0


@pytest_asyncio.fixture
async def stream(log: Log) -> str:
    """Return the stream of a partition."""
    return log.keys.log(PARTITION)


async def now_ms(log: Log) -> int:
    seconds, micros = await log.client.call("TIME")
    return int(seconds) * 1_000 + int(micros) // 1_000


async def put(log: Log, stream: str, *ages_ms: int) -> None:
    """Put entries of these ages on the stream, the oldest first; every group settles them."""
    now = await now_ms(log)
    large = "x" * 5_000  # So that each is a node of the stream, and nothing is left by the way.
    for age in ages_ms:
        await log.client.call("XADD", stream, f"{now - age}-*", "event", large)
    await settle(log, stream, "$")


async def settle(log: Log, stream: str, upto: str) -> None:
    for group in READERS:
        await log.client.call("XGROUP", "SETID", stream, group, upto)


async def ages_s(log: Log, stream: str) -> list[int]:
    now = await now_ms(log)
    entries = await log.client.call("XRANGE", stream, "-", "+")
    return [round((now - int(entry_id.split(b"-")[0])) / 1_000) for entry_id, _ in entries]


async def test_an_entry_stays_for_the_window_and_one_that_is_older(log: Log, stream: str) -> None:
    await put(log, stream, 300_000, 200_000, 100_000, 40_000, 20_000)
    await log.trim(60_000, 100)

    assert await ages_s(log, stream) == [100, 40, 20]


async def test_where_nothing_happens_the_last_entry_stays(log: Log, stream: str) -> None:
    await put(log, stream, 300_000, 200_000)
    await log.trim(60_000, 100)

    assert await ages_s(log, stream) == [200]


async def test_without_a_window_all_goes_that_was_settled(log: Log, stream: str) -> None:
    await put(log, stream, 40_000, 30_000, 20_000)
    await log.trim()

    assert await ages_s(log, stream) == [20]


async def test_what_a_group_has_not_settled_stays_however_old_it_is(log: Log, stream: str) -> None:
    await put(log, stream, 300_000, 200_000, 100_000, 20_000)
    first = (await log.client.call("XRANGE", stream, "-", "+"))[0][0]
    await log.client.call("XGROUP", "SETID", stream, READERS[0], first)
    await log.trim(60_000, 1)

    assert await ages_s(log, stream) == [300, 200, 100, 20]


async def test_a_window_with_too_many_entries_ends_earlier(log: Log, stream: str) -> None:
    await put(log, stream, *range(59_000, 1_000, -500))
    await log.trim(60_000, 40)

    left = await ages_s(log, stream)
    assert 20 < len(left) <= 40
    assert left[-1] == 2


async def test_too_many_entries_that_came_at_once_go_too(log: Log, stream: str) -> None:
    await put(log, stream, 50_000, *range(1_100, 1_000, -1))
    await log.trim(60_000, 40)

    assert len(await ages_s(log, stream)) <= 40


async def test_entries_of_the_future_do_not_pile_up(log: Log, stream: str) -> None:
    await put(log, stream, *range(-50_000, -60_000, -100))
    await log.trim(60_000, 40)

    assert len(await ages_s(log, stream)) <= 40
