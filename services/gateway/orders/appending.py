"""Put new orders on the log, and ask again until it is known what became of them."""

from __future__ import annotations

import asyncio
from functools import partial

from msgspec.structs import replace

from services.gateway.http.problems import Code, FieldError, Problem
from shared.concurrency.coalescer import Coalescer, Full
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

    async def one(self, submission: Submission) -> Submitted:
        """Return once the order is on the log. Raises the `Problem` that says why it is not."""
        return await self._until_answered(submission, self._deadline())

    async def all(self, submissions: dict[int, Submission]) -> dict[int, Submitted | Problem]:
        """Return what `one` returns or raises, for each; they go to the log together."""
        # A task costs as much as an order: only those get one that the first try does not settle.
        deadline = self._deadline()
        tries = await self._tried(submissions, deadline)
        answers = {
            place: _judged(done.result()) for place, done in tries.items() if _went_well(done)
        }
        rest = {
            place: self._answer(submission, deadline, tries.get(place))
            for place, submission in submissions.items()
            if place not in answers
        }
        return answers | dict(zip(rest, await asyncio.gather(*rest.values()), strict=True))

    async def _tried(
        self, submissions: dict[int, Submission], deadline: float
    ) -> dict[int, asyncio.Future[Submitted]]:
        """Return what became of trying them all together, but for those that have expired."""
        tries = {
            place: self._put(submission, deadline)
            for place, submission in submissions.items()
            if not _has_expired(submission)
        }
        try:
            if tries:
                await asyncio.wait(tries.values())
        finally:
            for answer in tries.values():
                answer.cancel()
        return tries

    def _put(self, submission: Submission, deadline: float) -> asyncio.Future[Submitted]:
        try:
            return self._append(submission, until=deadline)
        except Full as full:
            refused: asyncio.Future[Submitted] = asyncio.get_running_loop().create_future()
            refused.set_exception(full)
            return refused

    async def _answer(
        self,
        submission: Submission,
        deadline: float,
        tried: asyncio.Future[Submitted] | None,
    ) -> Submitted | Problem:
        try:
            return await self._until_answered(submission, deadline, tried)
        except Problem as problem:
            return problem

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._deadline_s

    async def _refuse_unless_known(self, marker: str | None) -> None:
        # A repeated request gets its first answer, also after the order's own deadline.
        try:
            if marker and await self._known(marker):
                return
        except LogUnavailable:
            raise Problem(Code.LOG_UNAVAILABLE) from None
        late = FieldError("expiresAt", "must be in the future")
        raise Problem(Code.INVALID_ORDER, errors=[late])

    async def _until_answered(
        self,
        submission: Submission,
        deadline: float,
        tried: asyncio.Future[Submitted] | None = None,
    ) -> Submitted:
        # The same event every time: the log knows it again, so a repeat cannot make a second order.
        loop, pause_s, maybe_applied = asyncio.get_running_loop(), _FIRST_PAUSE_S, False
        if _has_expired(submission):
            await self._refuse_unless_known(submission.marker)
        while tried or loop.time() < deadline - self._answer_s:
            try:
                submitted = await (tried or self._append(submission, until=deadline))
            except Full:
                raise _unanswered(submission, Code.OVERLOADED, maybe_applied) from None
            except TimeoutError:
                maybe_applied = maybe_applied or submission.may_be_taken  # It may be on its way.
            except LogUnavailable as error:
                maybe_applied = maybe_applied or (error.maybe_applied and submission.may_be_taken)
            else:
                if submitted.kind != "late":
                    return _settled(submitted)
                if maybe_applied:
                    break
                # There was no other try, so the next may have a time of its own.
                submission, tried = self._stamped(submission), None
                continue
            tried = None
            await asyncio.sleep(min(pause_s, max(0.0, deadline - loop.time())))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        raise _unanswered(submission, Code.LOG_UNAVAILABLE, maybe_applied)

    def _stamped(self, submission: Submission) -> Submission:
        return replace(submission, until_ms=self.until_ms(submission.event.order_id))

    async def _flush(self, submissions: list[Submission]) -> list[Submitted]:
        _BATCH.observe(len(submissions))
        with _APPENDING.time():
            answers = await self._creation.submit(submissions)
        _SUBMITTED.inc(sum(answer.kind == "accepted" for answer in answers))
        return answers


def _has_expired(submission: Submission) -> bool:
    expires_at = submission.event.intent.expires_at
    return expires_at is not None and expires_at <= submission.event.at


def _went_well(answer: asyncio.Future[Submitted]) -> bool:
    return answer.exception() is None and answer.result().kind != "late"


def _judged(submitted: Submitted) -> Submitted | Problem:
    return Problem(Code.IDEMPOTENCY_KEY_REUSED) if submitted.kind == "conflict" else submitted


def _settled(submitted: Submitted) -> Submitted:
    judged = _judged(submitted)
    if isinstance(judged, Problem):
        raise judged
    return judged


def _unanswered(submission: Submission, code: Code, maybe_applied: bool) -> Problem:
    if maybe_applied:
        return Problem(Code.ACCEPTANCE_UNKNOWN, order_id=submission.event.order_id)
    return Problem(code)
