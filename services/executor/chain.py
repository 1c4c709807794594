"""The chain as the executor meets it, through the venue that made a transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass

from msgspec import Struct

from services.executor.decide import InFlight, in_flight
from shared.concurrency.coalescer import Coalescer
from shared.concurrency.timers import Deadline
from shared.errors import ServerAway
from shared.observability import metrics
from shared.orders.events import OrderRouted, TransactionSigned
from shared.orders.values import SignedTransaction
from shared.streams.recovery.lost_writes import MayAct, always
from shared.venues.measured import measured
from shared.venues.protocol import Answer, Pending, Unknown, Venue, VenueRejected, VenueUnavailable

logger = logging.getLogger(__name__)

NOT_NOW = (VenueUnavailable, ServerAway, TimeoutError)

_AT_ONCE = 256  # As many signatures as Solana's getSignatureStatuses takes.


class _Waiting(Struct, frozen=True):
    signature: str
    until: float
    answer: asyncio.Future[Answer | None]


class ChainWatch:
    """Waits for one venue's answers on behalf of many orders. It costs no task an order."""

    def __init__(self, venue: Venue, poll_ms: int, deadline_ms: int) -> None:
        self._venue = venue
        self._poll_s = poll_ms / 1_000
        self._deadline = Deadline(deadline_ms / 1_000)
        self._ask = Coalescer(self._question, batch=_AT_ONCE)
        self._search = Coalescer(self._long_question, batch=_AT_ONCE)
        self._waiting: list[_Waiting] = []
        self._ticking: asyncio.Task[None] | None = None

    async def ask(self, signature: str) -> Answer:
        """Return what the chain says now.

        Raises `VenueUnavailable` or `ServerAway` when it says nothing.
        """
        return await self._ask(signature)

    async def search(self, transaction: SignedTransaction) -> Answer:
        """Return what the chain's whole history says. Raises as `ask` does."""
        return await self._search(transaction)

    async def answer(self, signature: str, budget_s: float) -> Answer | None:
        """Return the chain's decision, or None if there is none within `budget_s` seconds."""
        loop = self._deadline.loop
        until = loop.time() + budget_s
        try:
            first = await self._ask(signature)
        except NOT_NOW as error:
            logger.warning("%s does not answer: %s", self._venue.name, error)
        else:
            if not isinstance(first, (Pending, Unknown)):
                return first
        waiting = _Waiting(signature, until, loop.create_future())
        self._waiting.append(waiting)
        if self._ticking is None:
            # In a context of its own: it asks for everybody.
            self._ticking = asyncio.create_task(self._tick(), context=Context())
        return await waiting.answer

    async def _question(self, signatures: Sequence[str]) -> list[Answer]:
        with measured(self._venue.name, "status"), self._deadline():
            return _each(signatures, await self._venue.status(signatures))

    async def _long_question(self, transactions: Sequence[SignedTransaction]) -> list[Answer]:
        with measured(self._venue.name, "search"), self._deadline():
            return _each(transactions, await self._venue.search(transactions))

    async def _tick(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._poll_s)
                asked, self._waiting = self._waiting, []
                for start in range(0, len(asked), _AT_ONCE):
                    await self._look(asked[start : start + _AT_ONCE])
        finally:
            self._ticking = None

    async def _look(self, asked: list[_Waiting]) -> None:
        answers: Sequence[Answer] = [Unknown()] * len(asked)
        try:
            answers = await self._question([waiting.signature for waiting in asked])
        except Exception as error:  # noqa: BLE001 - whatever a venue raises, it is no answer
            logger.warning("%s does not answer: %r", self._venue.name, error)
        now = asyncio.get_running_loop().time()
        for waiting, answer in zip(asked, answers, strict=True):
            if waiting.answer.done():  # Its order was let go.
                continue
            if not isinstance(answer, (Pending, Unknown)):
                waiting.answer.set_result(answer)
            elif now >= waiting.until:
                waiting.answer.set_result(None)
            else:
                self._waiting.append(waiting)


def _each(asked: Sequence[object], answers: Sequence[Answer]) -> list[Answer]:
    if len(answers) != len(asked):
        raise VenueUnavailable(f"{len(answers)} answers to {len(asked)} questions")
    return list(answers)


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Every venue of this executor, and who waits for its answers. Each call has a deadline.

    Every call may raise one of `NOT_NOW`.
    """

    venues: Mapping[str, Venue]
    watches: Mapping[str, ChainWatch]
    deadline: Deadline
    may_act: MayAct = always

    async def build(self, event: OrderRouted) -> SignedTransaction:
        """Sign the route. Raises `VenueRejected` too."""
        venue = self._venue(event.route.venue)
        with measured(venue.name, "build"), self.deadline():
            return await venue.build(event)

    async def send(self, signed: TransactionSigned) -> None:
        """Hand over the bytes. Raises `VenueRejected` too, and then they may have landed before."""
        await self.may_act()
        venue = self._venue(signed.venue)
        with measured(venue.name, "send"), self.deadline():
            await venue.send(signed.transaction)

    async def send_again(self, signed: TransactionSigned) -> None:
        """Hand over the same bytes once more: they land once at most. Bad news is no news here."""
        metrics.series(metrics.RESENDS, signed.venue).inc()
        try:
            await self.send(signed)
        except (VenueRejected, *NOT_NOW) as error:
            logger.info("%s, sent again: %s", signed.order_id, error)

    async def ask(self, swap: InFlight) -> Answer:
        """Return what the chain says now."""
        return await self._watch(swap.venue).ask(swap.signature)

    async def answer(self, swap: InFlight, within_s: float) -> Answer | None:
        """Return the chain's decision, or None if there is none in time."""
        return await self._watch(swap.venue).answer(swap.signature, within_s)

    async def search(self, signed: Sequence[TransactionSigned]) -> list[tuple[InFlight, Answer]]:
        """Return what the chain's whole history says of each transaction, in order."""
        answers = await asyncio.gather(
            *(self._watch(one.venue).search(one.transaction) for one in signed)
        )
        return list(zip(map(in_flight, signed), answers, strict=True))

    def _venue(self, name: str) -> Venue:
        if name not in self.venues:
            raise VenueUnavailable(f"venue {name!r} is not among VENUES of this executor")
        return self.venues[name]

    def _watch(self, name: str) -> ChainWatch:
        self._venue(name)
        return self.watches[name]
