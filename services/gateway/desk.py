"""What can be asked for over a socket besides following: the same as over HTTP."""

from __future__ import annotations

from typing import Any

from services.gateway.access import Caller, Role
from services.gateway.body import parse_order
from services.gateway.cancel import Cancel
from services.gateway.histories import checked_id
from services.gateway.intake import Intake, checked_key
from services.gateway.problems import Problem
from services.gateway.quota import Quota
from shared.observability.metrics import ORDERS_REFUSED
from shared.observability.tracing import traceparent_in
from shared.streams.log.creation import Submitted


class Desk:
    """Takes orders in and cancels them for clients that are connected anyway."""

    def __init__(self, quota: Quota, intake: Intake, cancel: Cancel) -> None:
        self._quota = quota
        self._intake = intake
        self._cancel = cancel

    async def submit(
        self, caller: Caller, order: bytes, key: str | None, traceparent: str | None
    ) -> Submitted:
        """Return once the order is kept. Raises `Problem`."""
        try:
            caller.require(Role.TRADE)
            await self._quota.spend(caller)
            key = checked_key([] if key is None else [key])
            trace = traceparent_in([] if traceparent is None else [traceparent])
            return await self._intake.accept(parse_order(order), caller.account, key, trace)
        except Problem as problem:
            ORDERS_REFUSED.labels(problem.code.name).inc()
            raise

    async def cancel(self, caller: Caller, order_id: str) -> dict[str, Any]:
        """Return the order once it is cancelled. Raises `Problem`."""
        return await self._cancel(checked_id(order_id), caller)
