"""Clients that place orders through the balancer and follow each over its own WebSocket."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

from cli.demo.journey import Journey
from shared.concurrency.pause import pause
from slipstream import AsyncClient, SlipstreamError

_ORDERS = (("SOL", "USDC", "1.5"), ("USDC", "SOL", "250"), ("ETH", "USDC", "0.2"))
PATIENCE_S = 120.0


class Clients:
    """What everybody saw. They use the typed client as it comes: what it hides is hidden."""

    def __init__(self, client: AsyncClient) -> None:
        self.journeys: list[Journey] = []
        self.resumed = 0  # Connections that a follower lost and made anew.
        self._lately: Counter[str] = Counter()
        self._client = client

    async def place_orders(self, rate: float, until: asyncio.Event) -> None:
        """Start `rate` orders a second, and return once all have ended or patience has."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count(1):
                journey = Journey(posted_at=loop.time())
                self.journeys.append(journey)
                group.create_task(self._travel(journey, _ORDERS[number % len(_ORDERS)]))
                await pause(until, start + number / rate - loop.time())
                if until.is_set():
                    return

    async def _travel(self, journey: Journey, order: tuple[str, str, str]) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE_S):
                journey.order_id = (await self._client.submit(*order)).order_id
                journey.accepted_at = loop.time()
                async for event in self._client.follow(
                    journey.order_id, patience_s=PATIENCE_S, lost=self._lost
                ):
                    journey.updates.append(event)
                    journey.ended_at = loop.time()
        except SlipstreamError as error:
            journey.problem = f"{type(error).__name__}: {error}"
        except TimeoutError:
            journey.problem = f"no end within {PATIENCE_S:g} s"

    def lost_lately(self) -> Counter[str]:
        """Return why connections were lost since this was last asked."""
        lately, self._lately = self._lately, Counter()
        return lately

    def _lost(self, why: str) -> None:
        self.resumed += 1
        self._lately[why] += 1
