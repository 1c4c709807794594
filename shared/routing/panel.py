"""The venues as they are asked: those that are well by every order, the others by none."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from typing import Final

from shared.concurrency.timers import Deadline
from shared.observability import metrics
from shared.orders.values import Quote, Refusal, SwapIntent
from shared.routing.ask import Answer, answer_of, ask_all, raise_unless_final
from shared.venues.health.book import Book
from shared.venues.health.breaker import Breaker, State
from shared.venues.health.tally import FAILED, QUOTED, REFUSED, WON
from shared.venues.protocol import Venue, VenueRejected, VenueUnavailable

logger = logging.getLogger(__name__)

_SHOWN: Final = {State.UP: 0.0, State.HALF_OPEN: 0.5, State.OPEN: 1.0}


class Panel:
    """Asks all venues at once, past those that failed or hung too often.

    A venue that is passed over costs an order nothing. It is tried beside the orders, one quote at
    a time, until it answers. Where no venue is well all are asked, as if they were.
    """

    def __init__(
        self,
        venues: Sequence[Venue],
        deadline: Deadline,
        book: Book | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        shown: bool = True,
    ) -> None:
        """`book` has the record of the venues, and is told what they do; `now` is in seconds.

        States are `shown` in the metrics by those who route orders.
        """
        self.book = book or Book()
        self.book.breakers = self._breakers = {venue.name: Breaker() for venue in venues}
        self._venues = venues
        self._deadline = deadline
        self._now = now
        self._ill: set[str] = set()
        self._news: dict[str, Exception] = {}  # The last failure of each.
        self._trials: set[asyncio.Task[None]] = set()
        self._is_shown = shown
        for name in self._breakers:
            self._show(name, State.UP)

    @property
    def discounts(self) -> Mapping[str, int]:
        """Return by how many hundredths of a percent quotes count for less, by venue."""
        return self.book.discounts

    async def ask(self, intent: SwapIntent) -> tuple[list[Quote], list[Refusal]]:
        """Return quotes and refusals, as `ask_all` does, and raise as it does."""
        if not self._ill or len(self._ill) == len(self._venues):
            return await ask_all(self._venues, intent, self._deadline, self._heard)
        well = [venue for venue in self._venues if venue.name not in self._ill]
        ill = [venue for venue in self._venues if venue.name in self._ill]
        self._try(ill, intent)
        passed = [self._passed(venue.name) for venue in ill]
        quotes, refusals = await ask_all(well, intent, self._deadline, self._heard)
        if not quotes:
            # Nobody's final no speaks for those that were not asked.
            raise_unless_final([self._news[venue.name] for venue in ill], refusals + passed)
        return quotes, refusals + passed

    def won(self, name: str) -> None:
        """Note that a venue was chosen."""
        self.book.tally.add(name, WON)
        metrics.series(metrics.ROUTES_WON, name).inc()

    def _passed(self, name: str) -> Refusal:
        return Refusal(venue=name, reason=f"passed over: {self._breakers[name].why}")

    def _heard(self, name: str, answer: Answer, spent_s: float) -> None:
        breaker = self._breakers[name]
        if isinstance(answer, Quote):
            self.book.tally.timed(name, QUOTED, spent_s)
            breaker.answered(self._now())
        elif isinstance(answer, VenueRejected):
            self.book.tally.timed(name, REFUSED, spent_s)
            breaker.answered(self._now())
        elif isinstance(answer, VenueUnavailable) and not answer.counts:
            self.book.tally.add(name, FAILED)
        else:
            self.book.tally.timed(name, FAILED, spent_s)
            self._news[name] = answer
            breaker.failed(str(answer) or type(answer).__name__, self._now())
        if (breaker.state is not State.UP) != (name in self._ill):
            self._turned(name, breaker)

    def _turned(self, name: str, breaker: Breaker) -> None:
        if breaker.state is State.UP:
            self._ill.discard(name)
            logger.info("%s answers again", name)
        else:
            self._ill.add(name)
            logger.warning("%s is passed over: %s", name, breaker.why)
        self._show(name, breaker.state)

    def _show(self, name: str, state: State) -> None:
        if self._is_shown:
            metrics.series(metrics.VENUE_STATE, name).set(_SHOWN[state])

    def _try(self, ill: Sequence[Venue], intent: SwapIntent) -> None:
        for venue in ill:
            if self._breakers[venue.name].tries(self._now()):
                self._show(venue.name, State.HALF_OPEN)
                # In a context of its own: it is no part of the order that happened to begin it.
                task = asyncio.create_task(self._trial(venue, intent), context=Context())
                self._trials.add(task)
                task.add_done_callback(self._trials.discard)

    async def _trial(self, venue: Venue, intent: SwapIntent) -> None:
        try:
            async with asyncio.timeout(self._deadline.after_s):
                await answer_of(venue, intent, self._heard)
        except TimeoutError:
            after_s = self._deadline.after_s
            why = VenueUnavailable(f"no quote within {1_000 * after_s:.0f} ms")
            self._heard(venue.name, why, after_s)
        finally:
            breaker = self._breakers[venue.name]
            if breaker.state is State.HALF_OPEN:  # It was held back, and so not tried.
                breaker.put_off(self._now())
            self._show(venue.name, breaker.state)
