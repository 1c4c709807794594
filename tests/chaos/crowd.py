"""Clients that place many orders at once and follow all of them over one socket."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.chaos.records import Answer, Connection, Record, Told
from tests.chaos.run import ACCEPTED
from tests.chaos.wishes import Wishes

_ANSWER_S = 5.0
_PAUSE_S = 0.2
_AGAIN_S = 1.0
_SILENCE_S = 10.0
_ENDED = 1000  # What the gateway would close a socket of one order with.
_REFUSED = range(400, 500)
_LOST = (OSError, WebSocketException)  # A TimeoutError is an OSError.


class _Message(msgspec.Struct, rename="camel"):
    order_id: str = ""
    version: int = 0
    status: str = ""
    marker: str = ""
    error: dict[str, Any] | None = None


_message = msgspec.json.Decoder(_Message)


class Crowd:
    """Writes down what it is told as if each of its orders had a client of its own."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        door: Callable[[], str],
        records: list[Record],
        dice: Random,
        wishes: Wishes,
    ) -> None:
        self._http = http
        self._door = door
        self._records = records
        self._dice = dice
        self._wishes = wishes
        self.placing = 0  # Orders that were asked for, and of which nobody knows what became.

    async def travel(self, names: Sequence[str]) -> None:
        """Place an order under each of these names, and follow it to its end."""
        self.placing += len(names)
        try:
            seen = await self._accepted(names)
        finally:
            self.placing -= len(names)
        while seen:
            await self._follow(seen)
            await self._pause()

    async def _accepted(self, names: Sequence[str]) -> dict[str, int]:
        """Return the orders that were placed, at version 0, once each has its answer."""
        seen: dict[str, int] = {}
        wanted = list(names)
        while wanted:
            answers = await self._place(wanted)
            seen |= {a.order_id: 0 for a in answers if a.status == ACCEPTED and a.order_id}
            wanted = [
                name
                for name, answer in zip(wanted, answers, strict=True)
                if answer.status != ACCEPTED and answer.status not in _REFUSED
            ]
            if wanted:
                await self._pause()
        return seen

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE_S * self._dice.uniform(0.5, 1.5))

    async def _place(self, names: Sequence[str]) -> list[Answer]:
        wishes = [self._wishes.of(name) for name in names]
        keys, body = [wish.key for wish in wishes], {"orders": [wish.body for wish in wishes]}
        try:
            reply = await self._http.post(f"http://{self._door()}/api/orders/batch", json=body)
            said = reply.json()
        except (httpx.TransportError, ValueError):  # No answer, or half of one.
            answers = [Answer(asked="place", key=key, status=0) for key in keys]
        else:
            each = said.get("orders") or [{"problem": said}] * len(keys)
            answers = [_answer(key, one) for key, one in zip(keys, each, strict=True)]
        self._records += answers
        return answers

    async def _follow(self, seen: dict[str, int]) -> None:
        """Follow orders from the versions that were seen; take out those that have ended."""
        told: dict[str, list[Told]] = defaultdict(list)
        ended: set[str] = set()
        asked = dict(seen)
        try:
            address = f"ws://{self._door()}/api/orders/ws"
            async with connect(address, proxy=None, open_timeout=_ANSWER_S) as socket:
                for order_id, version in asked.items():
                    await socket.send(
                        msgspec.json.encode({"subscribe": order_id, "since": version})
                    )
                await _listen(socket, told, ended, len(asked))
        except _LOST:
            pass
        finally:  # Also when nobody waits any more for an order that will not end.
            for order_id, since in asked.items():
                heard, closed = tuple(told[order_id]), _ENDED if order_id in ended else None
                self._records.append(
                    Connection(order_id=order_id, since=since, told=heard, closed=closed)
                )
                seen[order_id] = max([since, *(update.version for update in heard)])
                if order_id in ended:
                    del seen[order_id]


async def _listen(
    socket: ClientConnection, told: dict[str, list[Told]], ended: set[str], most: int
) -> None:
    """Hear what a socket says, until every order has ended.

    Raises `TimeoutError` some time after one could not be followed: it is tried again. So is all
    after a silence: what was heard is written down then, although one order may never end.
    """
    loop, again = asyncio.get_running_loop(), math.inf
    async with asyncio.timeout(None) as patience:
        while len(ended) < most:
            patience.reschedule(min(again, loop.time() + _SILENCE_S))
            message = _message.decode(await socket.recv())
            if message.error is not None:
                again = min(again, loop.time() + _AGAIN_S)
            elif message.marker == "ended":
                ended.add(message.order_id)
            elif not message.marker:
                told[message.order_id].append(Told(message.version, message.status))


def _answer(key: str, said: dict[str, Any]) -> Answer:
    if "orderId" in said:
        order_id, told = said["orderId"], said.get("status", "")
        return Answer(asked="place", key=key, status=ACCEPTED, order_id=order_id, told=told)
    problem = said.get("problem", {})
    return Answer(
        asked="place",
        key=key,
        status=problem.get("status", 0),
        code=problem.get("code", ""),
        order_id=problem.get("orderId"),
    )
