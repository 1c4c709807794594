"""Waiting for what is about to become true, without sleeping a fixed time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    look: Callable[[], Awaitable[T]], *, within_s: float = ..., every_s: float = ...
) -> T: ...
@overload
async def eventually(
    look: Callable[[], T], *, within_s: float = ..., every_s: float = ...
) -> T: ...
async def eventually(
    look: Callable[[], Any], *, within_s: float = 60.0, every_s: float = 0.02
) -> Any:
    """Return what `look` returns once it is truthy and raises no AssertionError.

    Fails with its last answer when that takes longer than `within_s`, which only ends what hangs.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            found = look()
            answer = await found if inspect.isawaitable(found) else found
            if answer:
                return answer
            last: object = answer
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {last!r}")
        await asyncio.sleep(every_s)


def until(look: Callable[[], object], *, within_s: float = 60.0) -> None:
    """Return once `look` returns something true; for tests without a loop of their own."""
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.05)
