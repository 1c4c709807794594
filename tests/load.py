"""Orders at a steady rate, placed the way a careful client does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Self
from uuid import uuid4

import httpx

from tests.gateway import EXECUTE, ORDER

_ANSWER_S = 10
_PAUSE_S = 0.1
_TRIES = 200


class Client:
    """Places orders at `addresses` in turn, each with a key, again and again until it is taken.

    `accepted` are the ids of the orders that were answered with 202, `refusals` all other answers.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = list(addresses)
        self.accepted: list[str] = []
        self.refusals: list[httpx.Response] = []
        self._turn = 0
        self._http = httpx.AsyncClient(timeout=_ANSWER_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def place(self) -> None:
        """Place one order. A gateway that cannot be reached is passed by."""
        key = str(uuid4())
        for _ in range(_TRIES):
            self._turn += 1
            answer = await self._try(self.addresses[self._turn % len(self.addresses)], key)
            if answer is not None and answer.status_code == httpx.codes.ACCEPTED:
                self.accepted.append(answer.json()["orderId"])
                return
            if answer is not None:
                self.refusals.append(answer)
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

    async def _try(self, address: str, key: str) -> httpx.Response | None:
        headers = {"idempotency-key": key}
        try:
            return await self._http.post(f"http://{address}{EXECUTE}", json=ORDER, headers=headers)
        except httpx.TransportError:
            return None
