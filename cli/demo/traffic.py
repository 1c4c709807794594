"""Many clients: each places an order and follows it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import cycle

from cli.demo.journey import Journey
from slipstream import AsyncClient, SlipstreamError

# Longer than any order takes while venues are slow but well.
_PATIENCE_S = 60.0
_ORDERS = (
    ("SOL", "USDC", "1.5"),
    ("USDC", "SOL", "250"),
    ("ETH", "USDC", "0.2"),
    ("SOL", "RAY", "3"),
)


class Traffic:
    """The demo's clients. `journeys` shows at any time how far they are."""

    def __init__(self, gateways: Sequence[str], *, orders: int, rate: float) -> None:
        """`rate` is in orders a second."""
        self.orders = orders
        self.journeys: list[Journey] = []
        self._gateways = gateways
        self._rate = rate

    async def run(self) -> None:
        """Place every order, and return when all have ended or patience has."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(AsyncClient(url)) for url in self._gateways]
            # Placed at one gateway and followed at the next: no gateway knows an order by heart.
            placing, following = cycle(clients), cycle([*clients[1:], clients[0]])
            async with asyncio.TaskGroup() as group:
                for n in range(self.orders):
                    await asyncio.sleep(start + n / self._rate - loop.time())
                    journey = Journey(posted_at=loop.time())
                    self.journeys.append(journey)
                    order = _ORDERS[n % len(_ORDERS)]
                    group.create_task(_travel(journey, next(placing), next(following), order))


async def _travel(
    journey: Journey, here: AsyncClient, there: AsyncClient, order: tuple[str, str, str]
) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            journey.order_id = (await here.submit(*order)).order_id
            journey.accepted_at = loop.time()
            async for event in there.follow(journey.order_id):
                journey.updates.append(event)
                journey.ended_at = loop.time()
    except SlipstreamError as error:
        journey.problem = str(error)
    except TimeoutError:
        journey.problem = f"no end within {_PATIENCE_S:g} s"
