"""A loop's clock that stands still, for tests in which time passes only as they say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Clock:
    """The time of a loop, in seconds."""

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s

    def __call__(self) -> float:
        return self._now_s

    async def pass_by(self, seconds: float) -> None:
        """Let so much time pass, and let happen what falls due in it."""
        await asyncio.sleep(0)  # A task that was just made begins before that.
        self._now_s += seconds
        for _ in range(2):  # What is due comes after whoever runs already.
            await asyncio.sleep(0)


@contextmanager
def frozen() -> Iterator[Clock]:
    """Stop the running loop's clock; nothing that waits for a time comes before it is let pass."""
    loop = asyncio.get_running_loop()
    clock = Clock(loop.time())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", clock)
        yield clock
