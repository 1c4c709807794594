"""Many clients: each places an order and follows it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httpx

from cli.api import follow, http_client, place
from cli.console import Trouble
from cli.demo.journey import Journey, Update

# Longer than any order takes while venues are slow but well.
_PATIENCE_S = 60.0
_PAIRS = (
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
        clients = [http_client(gateway) for gateway in self._gateways]
        # Placed at one gateway and followed at the next: no gateway knows an order by heart.
        placing, following = cycle(clients), cycle([*self._gateways[1:], self._gateways[0]])
        try:
            async with asyncio.TaskGroup() as group:
                for n in range(self.orders):
                    await asyncio.sleep(start + n / self._rate - loop.time())
                    journey = Journey(posted_at=loop.time())
                    self.journeys.append(journey)
                    work = _travel(journey, next(placing), next(following), _order(n))
                    group.create_task(work)
        finally:
            for client in clients:
                await client.aclose()


def _order(n: int) -> dict[str, Any]:
    token_in, token_out, amount = _PAIRS[n % len(_PAIRS)]
    return {"tokenIn": token_in, "tokenOut": token_out, "amountIn": amount, "maxSlippageBps": 100}


async def _travel(
    journey: Journey, http: httpx.AsyncClient, follow_at: str, order: dict[str, Any]
) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            journey.order_id = await place(http, order)
            journey.accepted_at = loop.time()
            async for event in follow(follow_at, journey.order_id):
                journey.updates.append(Update.read(event))
                journey.ended_at = loop.time()
    except Trouble as trouble:
        journey.problem = str(trouble)
    except TimeoutError:
        journey.problem = f"no end within {_PATIENCE_S:g} s"
