"""Orders at a steady rate, or by a steady number of clients.

At a rate, latency counts from when an order was to be sent. A server that stalls would otherwise
delay the very requests that would have measured the stall (coordinated omission). Left out is how
late the load test itself was, which is no fault of the server's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from time import perf_counter

from cli.load.tally import Tally
from slipstream import AsyncClient, SlipstreamError

_END_S = 60.0  # Longer than any order takes while venues are slow but well.
_ORDERS = (
    ("SOL", "USDC", "1.5"),
    ("USDC", "SOL", "250"),
    ("ETH", "USDC", "0.2"),
    ("SOL", "RAY", "3"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What load to make.

    `rate` orders a second, or as many as `concurrency` clients manage, which each wait for the
    answer (with `follow`, for the order's end) before their next order. With a rate no more than
    `concurrency` are under way. It is over after `orders` or `duration_s`, whichever is first.
    """

    orders: int
    duration_s: float
    rate: float | None
    concurrency: int
    follow: bool


class Load:
    """Places orders. `tally` shows at any time what came of them."""

    def __init__(
        self, client: AsyncClient, wanted: Wanted, clock: Callable[[], float] = perf_counter
    ) -> None:
        """`clock` tells seconds: a fast loop's own knows milliseconds only."""
        self.wanted = wanted
        self.tally = Tally()
        self._client = client
        self._room = asyncio.Semaphore(wanted.concurrency)
        self._now = clock
        self._start = 0.0

    async def run(self) -> None:
        """Place the orders, and return when all that are under way have ended."""
        start = self._start = held = self._now()
        async with asyncio.TaskGroup() as group:
            for n in count():
                full = self._room.locked()
                await self._room.acquire()
                rate, now = self.wanted.rate, self._now()
                after_s = n / rate if rate else now - start
                if n >= self.wanted.orders or after_s >= self.wanted.duration_s:
                    return
                due = start + after_s
                await asyncio.sleep(max(0.0, due - self._now()))
                held = now if full else held  # To wait for room is to wait for the server.
                group.create_task(self._travel(n, due, could=max(due, held)))

    async def _travel(self, n: int, due: float, *, could: float) -> None:
        """Place an order that was due, and `could` be sent, at these times."""
        tally = self.tally
        late_ms = self._ms_since(could)
        due += late_ms / 1_000
        tally.late_ms.append(late_ms)
        tally.sent += 1
        tally.under_way += 1
        try:
            accepted = await self._client.submit(*_ORDERS[n % len(_ORDERS)])
            tally.answer_ms.append(self._ms_since(due))
            tally.answering_s = self._ms_since(self._start) / 1_000
            if self.wanted.follow:
                async with asyncio.timeout(_END_S):
                    await self._follow(accepted.order_id, due)
        except (SlipstreamError, TimeoutError) as error:
            tally.fail(error)
        finally:
            tally.under_way -= 1
            self._room.release()

    async def _follow(self, order_id: str, due: float) -> None:
        async for event in self._client.follow(order_id, patience_s=_END_S):
            if event.ended:
                self.tally.end_ms.append(self._ms_since(due))
                self.tally.outcomes[event.status] += 1

    def _ms_since(self, instant: float) -> float:
        return 1_000 * (self._now() - instant)
