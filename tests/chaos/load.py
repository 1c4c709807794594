"""Clients that place, cancel and follow orders, give up late, and write down all they are told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Self

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from shared.concurrency.pause import pause
from tests.chaos.crowd import Crowd
from tests.chaos.hearing import heard
from tests.chaos.records import Answer, Connection, Record
from tests.chaos.run import ACCEPTED
from tests.chaos.wishes import NAMELESS, Wishes
from tests.support.gateway import EXECUTE

_ANSWER_S = 5.0
_PAUSE_S = 0.2
_ENDED = 1000  # How a gateway closes a socket whose order has ended.
_MOST_AT_ONCE = 1_500
_ALONE, _CROWD = 6, 40  # Every sixth order has a client of its own, the others share one.
_NAMELESS = 3  # Every third order has neither a key nor a name.
_CANCELS, _EXPIRES = 0.1, 0.05  # Of the orders with a client of their own.
_LOST = (OSError, WebSocketException)  # A TimeoutError is an OSError.


class Load:
    """Every client there is. `doors` tells the gateways' addresses as they are now."""

    def __init__(self, doors: Callable[[], Sequence[str]], seed: int) -> None:
        self.records: list[Record] = []
        self._doors = doors
        self._known = doors()
        self._dice = Random(f"load {seed}")
        self._under_way: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._http = httpx.AsyncClient(timeout=_ANSWER_S, trust_env=False)
        self._wishes = Wishes()
        self._crowd = Crowd(self._http, self._door, self.records, self._dice, self._wishes)
        self._placing = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._give_up()
        await self._http.aclose()

    async def _give_up(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @property
    def placing(self) -> int:
        """Return how many orders were asked for whose clients have no answer yet."""
        return self._placing + self._crowd.placing

    async def place_orders(self, rate: float, until: asyncio.Event) -> None:
        """Start on `rate` orders a second, fewer while very many are under way."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        crowd: list[str] = []
        for number in itertools.count(1):
            await pause(until, start + number / rate - loop.time())
            if until.is_set():
                return
            if len(self._under_way) >= _MOST_AT_ONCE:
                continue
            if number % _ALONE == 0:
                self._start(self._travel(_name(number)))
                continue
            crowd.append(_name(number))
            if len(crowd) == _CROWD:
                self._start(self._crowd.travel(crowd))
                crowd = []

    async def finish(self, within_s: float) -> None:
        """Wait until every client has heard of its order's end; some wait in vain, and give up."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within_s)
        await self._give_up()
        if self._errors:
            raise BaseExceptionGroup("clients broke down", self._errors)

    def _start(self, travelling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(travelling)
        self._under_way.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._errors.append(error)

    async def _travel(self, name: str) -> None:
        expires_at = None
        if self._dice.random() < _EXPIRES:
            expires_at = datetime.now(UTC) + timedelta(seconds=self._dice.uniform(0.2, 4))
        order_id = await self._place(name, expires_at)
        if order_id is None:
            return
        following = asyncio.create_task(self._follow(name, order_id))
        try:
            if self._dice.random() < _CANCELS:
                await asyncio.sleep(self._dice.uniform(0, 0.5))
                await self._cancel(name, order_id)
            await following
        finally:
            following.cancel()

    async def _place(self, name: str, expires_at: datetime | None) -> str | None:
        """Return the order's id, or None once it is too late for the order."""
        self._placing += 1
        try:
            return await self._placed(name, expires_at)
        finally:
            self._placing -= 1

    async def _placed(self, name: str, expires_at: datetime | None) -> str | None:
        deadline = {"expiresAt": expires_at.isoformat()} if expires_at else {}
        while True:
            wish = self._wishes.of(name)
            body = wish.body | deadline
            answer = await self._ask(
                "place", "POST", EXECUTE, wish.key, body, expires_at=expires_at
            )
            if answer.status == ACCEPTED:
                return answer.order_id
            if answer.status in range(400, 500):
                return None
            await asyncio.sleep(_PAUSE_S)

    async def _cancel(self, key: str, order_id: str) -> None:
        while True:
            path = f"/api/orders/{order_id}"
            answer = await self._ask("cancel", "DELETE", path, key, order_id=order_id)
            if answer.status in range(200, 500):
                return
            await asyncio.sleep(_PAUSE_S)

    async def _ask(  # noqa: PLR0913 - what is asked, and what is written down about it
        self,
        asked: str,
        method: str,
        path: str,
        key: str,
        body: dict[str, Any] | None = None,
        *,
        order_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> Answer:
        try:
            reply = await self._http.request(method, f"http://{self._door()}{path}", json=body)
            said = reply.json()
        except (httpx.TransportError, ValueError):  # No answer, or half of one.
            answer = Answer(asked=asked, key=key, status=0, order_id=order_id)
        else:
            answer = Answer(
                asked=asked,
                key=key,
                status=reply.status_code,
                code=said.get("code", ""),
                order_id=said.get("orderId", order_id),
                told=str(said.get("status", "")),
                late=expires_at is not None and expires_at <= datetime.now(UTC),
            )
        self.records.append(answer)
        return answer

    async def _follow(self, key: str, order_id: str) -> None:
        version, over = 0, False
        while not over:
            address = f"ws://{self._door()}/api/orders/{order_id}/ws?since={version}"
            try:
                async with connect(address, proxy=None, open_timeout=_ANSWER_S) as socket:
                    told, closed = await heard(socket)
            except InvalidStatus as denied:
                status = denied.response.status_code
                answer = Answer(asked="follow", key=key, status=status, order_id=order_id)
                self.records.append(answer)
            except _LOST:
                pass
            else:
                self.records.append(
                    Connection(order_id=order_id, since=version, told=tuple(told), closed=closed)
                )
                version = max([version, *(update.version for update in told)])
                over = closed == _ENDED
            if not over:
                await asyncio.sleep(_PAUSE_S * self._dice.uniform(0.5, 1.5))

    def _door(self) -> str:
        self._known = self._doors() or self._known  # With no gateway there, try where one was.
        return self._dice.choice(self._known)


def _name(number: int) -> str:
    return f"order-{number}" if number // _ALONE % _NAMELESS else NAMELESS
