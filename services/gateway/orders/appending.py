"""Put new orders on the log, and ask again until it is known what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property, partial

from msgspec import Struct
from msgspec.structs import replace

from services.gateway.http.problems import Code, FieldError, Problem
from shared.concurrency.coalescer import Coalescer, Full
from shared.concurrency.pause import backoff
from shared.observability.metrics import APPEND_SECONDS, EVENTS, SETTLE_BATCH
from shared.orders.events import OrderSubmitted
from shared.settings import GatewaySettings
from shared.streams.errors import LogUnavailable
from shared.streams.log.creation import Creation, Submission, Submitted
from shared.streams.log.log import Log
from shared.streams.log.order_ids import known

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
_SUBMITTED = EVENTS.labels(OrderSubmitted.__name__)
_BATCH, _APPENDING = SETTLE_BATCH.labels("gateway"), APPEND_SECONDS.labels("gateway")


class _Asked(Struct):
    """An order that is to be put on the log, and what is known of that so far."""

    submission: Submission
    maybe_applied: bool = False
    answer: Submitted | Problem | None = None

    def has_expired(self) -> bool:
        """Return whether the order's own deadline was over before it was asked for."""
        expires_at = self.submission.event.intent.expires_at
        return expires_at is not None and expires_at <= self.submission.event.at

    def miss(self, error: TimeoutError | LogUnavailable) -> None:
        """Note that a try was not answered; after a timeout it may be on its way."""
        maybe_applied = isinstance(error, TimeoutError) or error.maybe_applied
        self.maybe_applied |= maybe_applied and self.submission.may_be_taken

    def problem(self, code: Code = Code.LOG_UNAVAILABLE) -> Problem:
        """Return why it has no answer: for `code`, unless it may be on the log."""
        if self.maybe_applied:
            return Problem(Code.ACCEPTANCE_UNKNOWN, order_id=self.submission.event.order_id)
        return Problem(code)


class Appending:
    """Appends orders, those that come at the same time together."""

    def __init__(self, log: Log, settings: GatewaySettings) -> None:
        self._deadline_s = settings.accept_deadline_ms / 1_000
        self._creation = Creation(
            log, within_s=self._deadline_s, key_ttl_s=settings.idempotency_ttl_s
        )
        # A try that the deadline cuts short leaves the client in doubt.
        self._answer_s = settings.replicas_ack_ms / 1_000 if settings.replicas_ack else 0.0
        self._append = Coalescer(self._flush, limit=settings.intake_queue)
        self._known = Coalescer(partial(known, log))

    def until_ms(self, order_id: str) -> int:
        """Return until when an order that is begun now may be asked for, by its server's clock."""
        return self._creation.until_ms(order_id)

    async def ask(self) -> None:
        """Ask whether an order could be taken now. Raises `LogUnavailable`."""
        await self._creation.ask()

    async def one(self, submission: Submission) -> Submitted:
        """Return once the order is on the log. Raises the `Problem` that says why it is not."""
        one = _Asked(submission)
        await (self._ask_known if one.has_expired() else self._ask)([one], self._deadline())
        if isinstance(one.answer, Submitted):
            return one.answer
        raise one.answer or one.problem()

    async def all(self, submissions: dict[int, Submission]) -> dict[int, Submitted | Problem]:
        """Return what `one` returns or raises, for each; they go to the log together."""
        asked = {place: _Asked(submission) for place, submission in submissions.items()}
        expired = [one for one in asked.values() if one.has_expired()]
        others = [one for one in asked.values() if not one.has_expired()]
        deadline = self._deadline()
        if expired:
            await asyncio.gather(self._ask_known(expired, deadline), self._ask(others, deadline))
        else:
            await self._ask(others, deadline)
        return {place: one.answer or one.problem() for place, one in asked.items()}

    @cached_property
    def _clock(self) -> Callable[[], float]:
        # The loop is asked for once: each time costs a system call before Python 3.12.
        return asyncio.get_running_loop().time

    def _deadline(self) -> float:
        return self._clock() + self._deadline_s

    async def _ask_known(self, expired: list[_Asked], deadline: float) -> None:
        # A repeated request gets its first answer, also after the order's own deadline.
        await asyncio.gather(*map(self._refuse_unless_known, expired))
        await self._ask([one for one in expired if one.answer is None], deadline)

    async def _refuse_unless_known(self, one: _Asked) -> None:
        marker = one.submission.marker
        try:
            if marker and await self._known(marker):
                return
        except LogUnavailable:
            one.answer = Problem(Code.LOG_UNAVAILABLE)
        else:
            late = FieldError("expiresAt", "must be in the future")
            one.answer = Problem(Code.INVALID_ORDER, errors=[late])

    async def _ask(self, asked: list[_Asked], deadline: float) -> None:
        # The same event every time: the log knows it again, so a repeat cannot make a second order.
        pauses = None
        while asked and self._clock() < deadline - self._answer_s:
            # A task costs as much as an order, so none is made: all are on their way already.
            tries, is_away = self._put(asked, deadline), False
            try:
                for one, tried in tries:
                    try:
                        self._hear(one, await tried)
                    except (TimeoutError, LogUnavailable) as error:
                        one.miss(error)
                        is_away = True
            finally:
                for _, tried in tries:
                    tried.cancel()
            if is_away:
                pauses = pauses or backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
                await asyncio.sleep(min(next(pauses), max(0.0, deadline - self._clock())))
            asked = [one for one in asked if one.answer is None]

    def _put(
        self, asked: list[_Asked], deadline: float
    ) -> list[tuple[_Asked, asyncio.Future[Submitted]]]:
        tries = []
        for one in asked:
            try:
                tries.append((one, self._append(one.submission, until=deadline)))
            except Full:
                one.answer = one.problem(Code.OVERLOADED)
        return tries

    def _hear(self, one: _Asked, submitted: Submitted) -> None:
        match submitted.kind:
            case "accepted" | "repeated":
                one.answer = submitted
            case "conflict":
                one.answer = Problem(Code.IDEMPOTENCY_KEY_REUSED)
            case "late" if one.maybe_applied:
                one.answer = one.problem()
            case "late":  # There was no other try, so the next may have a time of its own.
                one.submission = self._stamped(one.submission)

    def _stamped(self, submission: Submission) -> Submission:
        return replace(submission, until_ms=self.until_ms(submission.event.order_id))

    async def _flush(self, submissions: list[Submission]) -> list[Submitted]:
        _BATCH.observe(len(submissions))
        with _APPENDING.time():
            answers = await self._creation.submit(submissions)
        _SUBMITTED.inc(sum(answer.kind == "accepted" for answer in answers))
        return answers
