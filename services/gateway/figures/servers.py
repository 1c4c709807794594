"""Whether Redis, PostgreSQL and the chain answer, and how quickly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, Final, Generic, NamedTuple, TypeVar

from shared.errors import ServerAway
from shared.venues.protocol import VenueUnavailable

T = TypeVar("T")

DEADLINE_S: Final = 0.8  # The page asks every second.


class Answered(NamedTuple, Generic[T]):
    """An answer, or None and why there is none; and how long it took."""

    answer: T | None
    why: str
    took_ms: float

    def shown(self, name: str, but: str = "") -> dict[str, Any]:
        """Return the server as clients see it; `but` says what is wrong though it answers."""
        return {
            "name": name,
            "state": "down" if self.why else "up",
            "detail": self.why or but,
            "answeredMs": None if self.why else self.took_ms,
        }


async def answered(asking: Awaitable[T], within_s: float = DEADLINE_S) -> Answered[T]:
    """Return the answer, or why there is none within 800 ms, or as long as it may take."""
    began = time.perf_counter()
    answer, why = None, ""
    try:
        async with asyncio.timeout(within_s):
            answer = await asking
    except ServerAway as error:
        why = error.told
    except VenueUnavailable as error:
        why = str(error) or type(error).__name__
    except TimeoutError:
        why = f"does not answer within {within_s * 1_000:.0f} ms"
    return Answered(answer, why, round(1_000 * (time.perf_counter() - began), 1))
