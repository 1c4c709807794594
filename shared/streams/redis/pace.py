"""Places in the requests to somebody who counts them, given out to all replicas together.

A place has a time. Whoever gets one waits until then, so that many who wait do not come at once.
"""

from __future__ import annotations

import re
import time
from typing import NamedTuple, Self

from msgspec import Struct

from shared.concurrency.coalescer import Coalescer
from shared.streams.redis.client import Client
from shared.streams.redis.scripts import Script

_GIVE = Script.load(__package__, "lua/pace.lua")
_REST = Script.load(__package__, "lua/rest.lua")
_WINDOWS_MS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000}
_AT_ONCE = 500
_QUEUE = 10_000


class Rate(Struct, frozen=True):
    """At most `amount` requests in any `window_ms`."""

    amount: int
    window_ms: int

    def __str__(self) -> str:
        return f"{self.amount} in {self.window_ms / 1_000:g} s"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rate of `10/second`, `/minute` or `/hour`. Raises `ValueError`."""
        found = re.fullmatch(r"([1-9]\d{0,4})/(second|minute|hour)", text)
        if found is None:
            raise ValueError("is no rate such as 10/second, 60/minute or 500/hour")
        return cls(int(found[1]), _WINDOWS_MS[found[2]])


class Left(NamedTuple):
    """The places left in the window, and for how long nobody may ask, in ms."""

    places: int
    rest_ms: int


class _Wish(NamedTuple):
    of: int
    within_ms: int


class Pace:
    """One service's rate. Every call raises `LogUnavailable` where Redis does not answer."""

    def __init__(self, client: Client, namespace: str, name: str, rate: Rate) -> None:
        self.rate = rate
        self._client = client
        # One hash tag: a script touches both.
        self._keys = [f"{namespace}:{{pace.{name}}}:{part}" for part in ("given", "rest")]
        self._give: Coalescer[_Wish, int] = Coalescer(self._given, limit=_QUEUE, batch=_AT_ONCE)
        self._full_until: dict[int, float] = {}  # For those who want one of so many.

    async def place(self, within_s: float, *, of: int) -> float:
        """Take the next of `of` places a window, and return in how many seconds it is.

        When that is more than `within_s` nothing is taken. Raises `Full` when too many ask.
        """
        # Places only become fewer, so one who was told to come later need not be told again.
        wait_s = self._full_until.get(of, 0.0) - time.monotonic()
        if wait_s > within_s:
            return wait_s
        wait_ms = await self._give(_Wish(of, int(within_s * 1_000)))
        if wait_ms < 0:
            self._full_until[of] = time.monotonic() - wait_ms / 1_000
        return abs(wait_ms) / 1_000

    async def rest(self, for_s: float) -> None:
        """Give nobody a place for so long."""
        if (for_ms := int(for_s * 1_000)) > 0:
            await self._client.call(*_REST.command(self._keys[1:], (for_ms,)))

    async def left(self) -> Left:
        """Return what is left."""
        return Left(*(await self._asked(()))[-2:])

    async def _given(self, wishes: list[_Wish]) -> list[int]:
        return (await self._asked(wishes))[:-2]

    async def _asked(self, wishes: list[_Wish] | tuple[()]) -> list[int]:
        args = [self.rate.amount, self.rate.window_ms, *(part for wish in wishes for part in wish)]
        replies: list[int] = await self._client.call(*_GIVE.command(self._keys, args))
        return replies
