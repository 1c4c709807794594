"""Group commit: what becomes of callers when their flush goes wrong."""

from __future__ import annotations

import asyncio

import pytest

from shared.concurrency.coalescer import Coalescer, Full
from tests.support.frozen import frozen


async def test_callers_that_come_during_a_flush_share_the_next() -> None:
    flushed: list[list[int]] = []

    async def flush(items: list[int]) -> list[int]:
        flushed.append(items)
        await asyncio.sleep(0)
        return items

    answers = await asyncio.gather(*map(Coalescer(flush, batch=3), range(5)))

    assert answers == [0, 1, 2, 3, 4]
    assert flushed == [[0, 1, 2], [3, 4]]


async def test_a_flush_that_answers_too_few_fails_its_callers_and_not_the_next() -> None:
    async def flush(items: list[int]) -> list[int]:
        return [item for item in items if item]

    coalescer = Coalescer(flush)
    with pytest.raises(ValueError, match="shorter"):
        await coalescer(0)

    assert await coalescer(1) == 1


async def test_what_a_flush_raises_is_raised_to_each_of_its_callers() -> None:
    async def flush(_items: list[int]) -> list[int]:
        raise OSError("gone")

    coalescer = Coalescer(flush)
    outcomes = await asyncio.gather(coalescer(1), coalescer(2), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]


async def test_more_than_may_wait_are_turned_away() -> None:
    async def flush(items: list[int]) -> list[int]:
        return items

    coalescer = Coalescer(flush, limit=1)
    taken = coalescer(1)
    with pytest.raises(Full):
        coalescer(2)

    assert await taken == 1


async def test_a_caller_waits_no_longer_than_until_its_own_time() -> None:
    hangs = asyncio.Event()

    async def flush(items: list[str]) -> list[str]:
        await hangs.wait()
        return items

    coalescer = Coalescer(flush, batch=1)
    with frozen() as clock:
        late, patient = coalescer("late", until=clock() + 3), coalescer("patient")
        soon, queued = coalescer("soon", until=clock() + 1), coalescer("queued", until=clock() + 9)
        await clock.pass_by(2)
        late_waits = not late.done()
        await clock.pass_by(2)
        for given_up in (soon, late):
            with pytest.raises(TimeoutError):
                await given_up
        hangs.set()
        answers = [await patient, await queued]

    assert late_waits
    assert answers == ["patient", "queued"]


async def test_an_answer_in_time_is_not_lost_to_the_time_that_passes_later() -> None:
    async def flush(items: list[str]) -> list[str]:
        return items

    coalescer = Coalescer(flush)
    with frozen() as clock:
        answered = coalescer("early", until=clock() + 1)
        await answered
        await clock.pass_by(2)

    assert await answered == "early"


async def test_a_caller_that_left_is_given_up_without_a_word() -> None:
    hangs = asyncio.Event()

    async def flush(items: list[str]) -> list[str]:
        await hangs.wait()
        return items

    coalescer = Coalescer(flush)
    until = asyncio.get_running_loop().time() + 0.02
    left, stays = coalescer("left", until=until), coalescer("stays", until=until)
    left.cancel()
    with pytest.raises(TimeoutError):
        await stays

    assert left.cancelled()
