"""Ask every venue at once, and sort what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from shared.concurrency.timers import Deadline
from shared.errors import ServerAway
from shared.observability import metrics
from shared.orders.values import Quote, Refusal, SwapIntent
from shared.venues.measured import measured
from shared.venues.protocol import Venue, VenueRejected, VenueUnavailable, VenueUnreachable

Answer: TypeAlias = "Quote | Exception"
# Told of each venue's answer, and how long it took in seconds.
Heard: TypeAlias = Callable[[str, Answer, float], None]


def _nobody(_venue: str, _answer: Answer, _spent_s: float) -> None:
    """Listen to no answer."""


async def ask_all(
    venues: Sequence[Venue], intent: SwapIntent, deadline: Deadline, heard: Heard = _nobody
) -> tuple[list[Quote], list[Refusal]]:
    """Return the quotes that came in time, and why the others did not; `heard` is told of each.

    One quote is enough. With none, raises `VenueUnavailable` if a venue failed or was too slow,
    `VenueUnreachable` if the rest, or their chain, could not be reached: a final no takes every
    venue's word.
    """
    quotes, refusals = [], []
    bad_news: list[Exception] = []
    answers = await _answers(venues, intent, deadline, heard)
    for venue, answer in zip(venues, answers, strict=True):
        if isinstance(answer, Quote):
            quotes.append(answer)
            continue
        error = answer or _too_slow(venue.name, deadline.after_s, heard)
        refusals.append(Refusal(venue=venue.name, reason=str(error)))
        bad_news.append(error)
    if not quotes:
        raise_unless_final(bad_news, refusals)
    return quotes, refusals


async def _answers(
    venues: Sequence[Venue], intent: SwapIntent, deadline: Deadline, heard: Heard
) -> list[Answer | None]:
    """Return what each venue answered; None for one that had not by the deadline."""
    first, *others = venues
    # One venue is asked by this very task: for two, that is half the tasks.
    asking = [deadline.loop.create_task(answer_of(venue, intent, heard)) for venue in others]
    answer = None
    try:
        with suppress(TimeoutError), deadline():
            answer = await answer_of(first, intent, heard)
            for task in asking:  # One by one, but all are on their way.
                await task
        return [answer, *(_said(task) for task in asking)]
    finally:
        for task in asking:
            task.cancel()


def _said(task: asyncio.Task[Answer]) -> Answer | None:
    # The one that was waited for when time was up is cancelled with the waiting.
    return task.result() if task.done() and not task.cancelled() else None


def _too_slow(name: str, after_s: float, heard: Heard) -> VenueUnavailable:
    metrics.series(metrics.VENUE_SECONDS, name, "quote", "too_slow").observe(after_s)
    error = VenueUnavailable(f"no quote within {after_s * 1_000:.0f} ms")
    heard(name, error, after_s)
    return error


def raise_unless_final(bad_news: Sequence[Exception], refusals: Sequence[Refusal]) -> None:
    """Raise what it means that nobody quotes, unless all have said a final no."""
    said = "; ".join(f"{refusal.venue}: {refusal.reason}" for refusal in refusals)
    away = [error for error in bad_news if isinstance(error, ServerAway)]
    if any(not isinstance(error, (VenueRejected, ServerAway)) for error in bad_news):
        raise VenueUnavailable(said)
    if away:
        raise VenueUnreachable(said)


async def answer_of(venue: Venue, intent: SwapIntent, heard: Heard) -> Answer:
    """Return a venue's quote, or whatever it raises; `heard` is told."""
    began = time.perf_counter()
    answer: Answer
    try:
        with measured(venue.name, "quote"):
            answer = await venue.quote(intent)
    except Exception as error:  # noqa: BLE001 - whatever a venue raises is its answer
        answer = error
    heard(venue.name, answer, time.perf_counter() - began)
    return answer
