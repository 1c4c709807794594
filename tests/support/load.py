"""Orders at a steady rate, placed the way a careful client does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Self
from uuid import uuid4

from slipstream import AsyncClient, Refused, Unreachable

_ANSWER_S = 60
_PAUSE_S = 0.1
_TRIES = 200


class Client:
    """Places orders at `addresses` in turn, each with a key, again and again until it is taken.

    `accepted` are the ids of the orders that were taken, `refusals` what was said otherwise.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = list(addresses)
        self.accepted: list[str] = []
        self.refusals: list[Refused] = []
        self._turn = 0
        self._clients: dict[str, AsyncClient] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients.values():
            await client.close()

    async def place(self) -> None:
        """Place one order. A gateway that cannot be reached is passed by."""
        key = str(uuid4())
        for _ in range(_TRIES):
            self._turn += 1
            client = self._client_of(self.addresses[self._turn % len(self.addresses)])
            try:
                self.accepted.append((await client.submit("SOL", "USDC", "1.5", key=key)).order_id)
            except Refused as refusal:
                self.refusals.append(refusal)
            except Unreachable:
                pass
            else:
                return
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError(f"an order was not taken in {_TRIES} tries")

    async def place_while(self, scene: Callable[[], Awaitable[None]], *, rate: int) -> None:
        """Place `rate` orders a second while `scene` is going on; return once all are taken."""
        playing = asyncio.ensure_future(scene())
        async with asyncio.TaskGroup() as placing:
            while not playing.done():
                placing.create_task(self.place())
                await asyncio.wait([playing], timeout=1 / rate)
        await playing

    def _client_of(self, address: str) -> AsyncClient:
        if address not in self._clients:
            # It is this class that tries again: at the next gateway.
            client = AsyncClient(f"http://{address}", retry_for_s=0, timeout_s=_ANSWER_S)
            self._clients[address] = client
        return self._clients[address]
