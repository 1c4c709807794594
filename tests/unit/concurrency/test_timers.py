"""One timer for many calls: each has its own time, and only its own."""

from __future__ import annotations

import asyncio

import pytest

from shared.concurrency.timers import Deadline
from tests.support.frozen import frozen


async def test_a_call_that_takes_too_long_is_ended() -> None:
    deadline = Deadline(0.01)

    with pytest.raises(TimeoutError), deadline():
        await asyncio.Event().wait()


async def test_each_call_has_the_same_time_whenever_it_began() -> None:
    deadline = Deadline(5)

    async def hangs() -> None:
        with pytest.raises(TimeoutError), deadline():
            await asyncio.Event().wait()

    with frozen() as clock:
        first = asyncio.create_task(hangs())
        await clock.pass_by(3)
        second = asyncio.create_task(hangs())
        await clock.pass_by(3)
        await first
        second_waits = not second.done()
        await clock.pass_by(3)
        await second

    assert second_waits


async def test_a_call_that_is_over_in_time_is_left_alone() -> None:
    deadline = Deadline(5)
    with frozen() as clock:
        with deadline():
            await asyncio.sleep(0)
        await clock.pass_by(6)

    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr] # there is one


async def test_what_a_call_raises_goes_through() -> None:
    with pytest.raises(LookupError), Deadline(1)():
        raise LookupError


async def test_a_task_that_is_cancelled_by_somebody_else_is_not_told_of_a_deadline() -> None:
    deadline = Deadline(10)

    async def hangs() -> None:
        with deadline():
            await asyncio.Event().wait()

    task = asyncio.create_task(hangs())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_cancelled_at_its_deadline_as_well_stays_cancelled() -> None:
    deadline = Deadline(0.01)

    async def hangs() -> None:
        with deadline():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                task.cancel()  # Somebody stops the service at this very moment.
                raise

    task = asyncio.create_task(hangs())

    with pytest.raises(asyncio.CancelledError):
        await task
