"""Withdraw an order: until it is signed, and never by a guess."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from services.gateway.access.callers import Caller, Role
from services.gateway.http.problems import Code, Problem
from services.gateway.orders.histories import Histories
from shared.clock import Clock
from shared.observability.order_metrics import count_appended
from shared.observability.tracing import Done, attributes_of, collector, trace_id_of
from shared.orders.codec import decode
from shared.orders.events import CancelRequested, Head, OrderCancelled, OrderEvent
from shared.orders.order import Order, evolve, replay
from shared.orders.states import IN_FLIGHT, State
from shared.orders.view import public_order
from shared.streams.errors import LogBehind, LogUnavailable
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites

_PAUSE_S = 0.02


def withdraw(order: Order, now: datetime) -> OrderCancelled | CancelRequested | None:
    """Return what a client's wish to cancel adds to the order's history, if anything."""
    if order.ended or (order.cancel_requested and order.state in IN_FLIGHT):
        return None
    head = Head(order_id=order.id, version=order.version + 1, at=now, traceparent=order.traceparent)
    if order.state in IN_FLIGHT:
        return CancelRequested(**head, state=order.state)
    return OrderCancelled(**head)


def check_cancelled(order: Order) -> None:
    """Raise the `Problem` that says why the order is not cancelled, unless it is."""
    if order.state in IN_FLIGHT:
        why = f"its transaction, {order.signature}, is signed; if it expires, no other follows"
        raise Problem(Code.TOO_LATE_TO_CANCEL, why, order_id=order.id)
    if order.state is not State.CANCELLED:
        raise Problem(Code.ORDER_ENDED, f"it is {order.status}", order_id=order.id)


class Cancel:
    """Cancels orders by compare-and-append: execution and cancelling cannot both win."""

    def __init__(
        self,
        log: Log,
        histories: Histories,
        clock: Clock,
        *,
        deadline_s: float,
        lost_writes: LostWrites,
    ) -> None:
        """`deadline_s` bounds the whole of one cancelling."""
        self._lost_writes = lost_writes
        self._log = log
        self._histories = histories
        self._clock = clock
        self._deadline_s = deadline_s

    async def __call__(self, order_id: str, caller: Caller) -> dict[str, Any]:
        """Return the order, as clients may see it, once it is cancelled, now or before.

        Raises `Problem`: 409 when it is signed, has ended otherwise or is halted, 404 when it is
        unknown, 503 when that cannot be told. Asking again is safe.
        """
        caller.require(Role.TRADE)
        await self._refuse_while_behind(order_id)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._deadline_s
        raw = await self._histories.read_for(caller, order_id)
        while loop.time() < deadline:
            if history := await self._settle([decode(event) for event in raw]):
                return public_order(history)
            await asyncio.sleep(_PAUSE_S)
            await self._refuse_while_behind(order_id)
            with suppress(Problem):  # What was appended may be there all the same.
                raw = await self._histories.read(order_id)
        raise Problem(Code.CANCEL_UNKNOWN, order_id=order_id)

    async def _refuse_while_behind(self, order_id: str) -> None:
        # Each time, for Redis may have been away: the order may be signed, and that forgotten.
        try:
            await self._lost_writes.may_act()
        except LogBehind as error:
            raise Problem(Code.CANCEL_UNKNOWN, str(error), order_id=order_id) from error

    async def _settle(self, history: list[OrderEvent]) -> list[OrderEvent]:
        """Return the cancelled order's history, or nothing when the order may have moved on."""
        order = replay(history)
        if order is None:
            return []
        event = withdraw(order, self._clock())
        if event and not await self._append(history[-1], event):
            return []
        check_cancelled(evolve(order, event) if event else order)
        return [*history, event] if event else history

    async def _append(self, last: OrderEvent, event: OrderEvent) -> bool:
        began_ns = time.time_ns()
        append = Append(order_id=event.order_id, expected=event.version - 1, events=[event])
        try:
            [outcome] = await self._log.append("", [append])
        except LogUnavailable:
            return False  # It may be there all the same: the next look at the history tells.
        if outcome == "halted":
            raise Problem(Code.ORDER_HALTED, order_id=event.order_id)
        if outcome == "ok":
            count_appended([(last, [event])])
            _tell(last, began_ns)
        return outcome == "ok"


def _tell(last: OrderEvent, began_ns: int) -> None:
    """Tell the collector that a wish to cancel was recorded behind the event `last`."""
    told = collector()
    if told and isinstance(last.traceparent, str) and trace_id_of(last.traceparent):
        done = Done(
            name="order.cancel",
            traceparent=last.traceparent,
            began_ns=began_ns,
            ended_ns=time.time_ns(),
            attributes=attributes_of(last),
        )
        told.record(done)
