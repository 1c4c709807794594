"""Take orders in: accepted means on the log, and a lost answer makes no second order."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from functools import partial

import msgspec

from services.gateway.models import NewOrder
from services.gateway.pressure import Pressure
from services.gateway.problems import Code, FieldError, Problem
from shared.batching import Coalescer, Full
from shared.clock import Clock
from shared.metrics import APPEND_SECONDS, EVENTS, ORDERS_ACCEPTED, SETTLE_BATCH
from shared.orders.events import OrderSubmitted
from shared.orders.values import SwapIntent
from shared.settings import GatewaySettings
from shared.streams.errors import LogUnavailable
from shared.streams.ids import id_for_key, new_order_id
from shared.streams.log import Log, Submission, Submitted
from shared.streams.markers import known

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
_SUBMITTED = EVENTS.labels(OrderSubmitted.__name__)
_BATCH, _APPENDING = SETTLE_BATCH.labels("gateway"), APPEND_SECONDS.labels("gateway")
_KEY = re.compile(r"[!-~]{1,255}")


def checked_key(values: Sequence[str]) -> str | None:
    """Return the Idempotency-Key of a request, if it has one. Raises `Problem`."""
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise Problem(
            Code.INVALID_IDEMPOTENCY_KEY, "send one, of 1 to 255 visible ASCII characters"
        )
    return values[0]


def digest_of(account: str, intent: SwapIntent, client_order_id: str | None = None) -> str:
    """Return what two requests share exactly when they ask for the same."""
    asked = msgspec.json.encode((account, intent, *filter(None, [client_order_id])))
    return hashlib.blake2b(asked, digest_size=16).hexdigest()


class Intake:
    """Puts orders on the log, those that come at the same time together."""

    def __init__(
        self, log: Log, settings: GatewaySettings, clock: Clock, pressure: Pressure
    ) -> None:
        self._log = log
        self._pressure = pressure
        self._clock = clock
        self._deadline_s = settings.accept_deadline_ms / 1_000
        self._append = Coalescer(self._flush, limit=settings.intake_queue)
        self._known = Coalescer(partial(known, log))

    async def accept(self, order: NewOrder, account: str, key: str | None) -> Submitted:
        """Return once the order is on the log, or was before under the same `key`.

        Without a `key`, the order's own `clientOrderId` is its key. Raises `Problem`: 503 when
        nothing was written, 504 when that is unknown, 409 when the key belongs to another order.
        """
        return await self._accept(order, account, f"key:{key}" if key else None)

    async def accept_all(
        self, orders: Sequence[NewOrder | Problem], account: str, key: str | None
    ) -> list[Submitted | Problem]:
        """Return what `accept` returns or raises, for each order of a batch; problems stay.

        The orders go to the log together. `key` covers the batch: each order's place in it.
        """
        names = [f"batch:{place}:{key}" if key else None for place in range(len(orders))]
        return await asyncio.gather(
            *(self._answer(order, account, name) for order, name in zip(orders, names, strict=True))
        )

    async def _answer(
        self, order: NewOrder | Problem, account: str, name: str | None
    ) -> Submitted | Problem:
        if isinstance(order, Problem):
            return order
        try:
            return await self._accept(order, account, name)
        except Problem as problem:
            return problem

    async def _accept(self, order: NewOrder, account: str, name: str | None) -> Submitted:
        if name is None and order.client_order_id is not None:
            name = f"client:{order.client_order_id}"
        self._pressure.check()
        taken = await self._until_answered(await self._submission(order, account, name))
        ORDERS_ACCEPTED.inc()
        return taken

    async def _submission(self, order: NewOrder, account: str, name: str | None) -> Submission:
        now, intent, marker = self._clock(), order.intent, None
        if name is None:
            order_id = new_order_id(now)
        else:
            marker, order_id = id_for_key(self._log.keys, account, name, now)
        if intent.expires_at and intent.expires_at <= now:
            await self._refuse_unless_known(marker)
        event = OrderSubmitted(
            order_id=order_id,
            version=1,
            at=now,
            intent=intent,
            account=account,
            client_order_id=order.client_order_id,
        )
        digest = digest_of(account, intent, order.client_order_id) if marker else ""
        return Submission(event=event, marker=marker, digest=digest)

    async def _refuse_unless_known(self, marker: str | None) -> None:
        # A repeated request gets its first answer, also after the order's own deadline.
        try:
            if marker and await self._known(marker):
                return
        except LogUnavailable:
            raise Problem(Code.LOG_UNAVAILABLE) from None
        late = FieldError("expiresAt", "must be in the future")
        raise Problem(Code.INVALID_ORDER, errors=[late])

    async def _until_answered(self, submission: Submission) -> Submitted:
        # The same event every time: the log knows it again, so a repeat cannot make a second order.
        loop = asyncio.get_running_loop()
        deadline, pause_s, maybe_applied = loop.time() + self._deadline_s, _FIRST_PAUSE_S, False
        while loop.time() < deadline:
            try:
                return _settled(await self._append.put(submission, until=deadline))
            except Full:
                raise _unanswered(submission, Code.OVERLOADED, maybe_applied) from None
            except TimeoutError:
                maybe_applied = True  # It may be on its way this very moment.
            except LogUnavailable as error:
                maybe_applied = maybe_applied or error.maybe_applied
            await asyncio.sleep(min(pause_s, max(0.0, deadline - loop.time())))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        raise _unanswered(submission, Code.LOG_UNAVAILABLE, maybe_applied)

    async def _flush(self, submissions: list[Submission]) -> list[Submitted]:
        _BATCH.observe(len(submissions))
        with _APPENDING.time():
            return await self._log.submit(submissions)


def _settled(submitted: Submitted) -> Submitted:
    if submitted.kind == "conflict":
        raise Problem(Code.IDEMPOTENCY_KEY_REUSED)
    if submitted.kind == "accepted":
        _SUBMITTED.inc()
    return submitted


def _unanswered(submission: Submission, code: Code, maybe_applied: bool) -> Problem:
    if maybe_applied:
        return Problem(Code.ACCEPTANCE_UNKNOWN, order_id=submission.event.order_id)
    return Problem(code)
