"""Many orders over one socket: what a client asks for, done in the order in which it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

from services.gateway.access.callers import Caller, Role
from services.gateway.access.rate_limits import Quota
from services.gateway.following.messages import (
    PONG,
    Misunderstood,
    Ping,
    Submit,
    Subscribe,
    Unsubscribe,
    Withdraw,
    read_said,
    refusal,
    reply,
)
from services.gateway.following.outbox import BROKEN, Outbox
from services.gateway.following.subscriptions import Subscriptions
from services.gateway.http.answers import accepted, checked_id
from services.gateway.http.problems import Problem
from services.gateway.orders.cancel import Cancel
from services.gateway.orders.parsing import parse_order
from services.gateway.orders.submit import Intake, asked_by, refusals_counted
from shared.streams.log.creation import Submitted
from shared.tokens.registry import Tokens


class Desk:
    """Takes orders in and cancels them for clients that are connected anyway."""

    def __init__(self, quota: Quota, intake: Intake, cancel: Cancel, tokens: Tokens) -> None:
        self._quota = quota
        self._intake = intake
        self._cancel = cancel
        self._tokens = tokens

    async def submit(
        self, caller: Caller, order: bytes, key: str | None, traceparent: str | None
    ) -> Submitted:
        """Return once the order is kept. Raises `Problem`."""
        with refusals_counted():
            caller.require(Role.TRADE)
            await self._quota.spend(caller)
            asked = asked_by(caller, key, [] if traceparent is None else [traceparent])
            return await self._intake.accept(parse_order(order, self._tokens), asked)

    async def cancel(self, caller: Caller, order_id: str) -> dict[str, Any]:
        """Return the order once it is cancelled. Raises `Problem`."""
        return await self._cancel(checked_id(order_id), caller)


_TOGETHER = 64  # Requests that may wait, and are done together.


class Session:
    """One client's requests. Those of one kind that came together are done together."""

    def __init__(
        self,
        caller: Caller,
        outbox: Outbox,
        subscriptions: Subscriptions,
        desk: Desk,
    ) -> None:
        """`subscriptions` are the caller's, for the same follower."""
        self._caller = caller
        self._outbox = outbox
        self._subscriptions = subscriptions
        self._desk = desk
        self._heard: asyncio.Queue[str | bytes] = asyncio.Queue(_TOGETHER)
        self._do: dict[type, Callable[[Sequence[Any]], Awaitable[None]]] = {
            Subscribe: subscriptions.add,
            Unsubscribe: subscriptions.remove,
            Submit: self._submit,
            Withdraw: self._withdraw,
            Ping: self._pong,
            Misunderstood: self._correct,
        }

    async def hear(self, said: str | bytes) -> None:
        """Take a message in. Returns once there is room for another."""
        await self._heard.put(said)

    async def run(self) -> None:
        """Do what the client asks for, until cancelled."""
        try:
            while True:
                said = [await self._heard.get()]
                while not self._heard.empty():
                    said.append(self._heard.get_nowait())
                requests = [read_said(message) for message in said]
                for kind, alike in groupby(requests, type):
                    await self._outbox.has_room()
                    await self._do[kind](list(alike))
        finally:
            self._outbox.close(BROKEN)
            self._subscriptions.close()

    async def _submit(self, requests: Sequence[Submit]) -> None:
        taken = await asyncio.gather(*(self._take(request) for request in requests))
        wishes = [wish for wish in taken if wish and wish.subscribe not in self._subscriptions]
        await self._subscriptions.add(wishes)

    async def _take(self, request: Submit) -> Subscribe | None:
        try:
            key, trace = request.idempotency_key, request.traceparent
            taken = await self._desk.submit(self._caller, bytes(request.order), key, trace)
        except Problem as problem:
            self._outbox.answer(refusal(request.id, problem))
            return None
        replayed = taken.kind == "repeated"
        self._outbox.answer(reply(request.id, **accepted(taken.order_id), replayed=replayed))
        if not request.follow:
            return None
        return Subscribe(subscribe=taken.order_id, markers=request.markers)

    async def _withdraw(self, requests: Sequence[Withdraw]) -> None:
        await asyncio.gather(*(self._withdraw_one(request) for request in requests))

    async def _withdraw_one(self, request: Withdraw) -> None:
        try:
            order = await self._desk.cancel(self._caller, request.order_id)
        except Problem as problem:
            self._outbox.answer(refusal(request.id, problem))
        else:
            self._outbox.answer(reply(request.id, order=order))

    async def _pong(self, requests: Sequence[Ping]) -> None:
        for request in requests:
            pong = PONG if request.id is None else reply(request.id, type="pong")
            self._outbox.answer(pong)

    async def _correct(self, requests: Sequence[Misunderstood]) -> None:
        for request in requests:
            self._outbox.answer(refusal(request.id, request.problem))
