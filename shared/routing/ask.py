"""Ask every venue at once, and sort what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from shared.concurrency.timers import Deadline
from shared.errors import ServerAway
from shared.observability import metrics
from shared.orders.values import Quote, Refusal, SwapIntent
from shared.venues.measured import measured
from shared.venues.protocol import Venue, VenueRejected, VenueUnavailable, VenueUnreachable


async def ask_all(
    venues: Sequence[Venue], intent: SwapIntent, deadline: Deadline
) -> tuple[list[Quote], list[Refusal]]:
    """Return the quotes that came in time, and why the others did not.

    One quote is enough. With none, raises `VenueUnavailable` if a venue failed or was too slow,
    `VenueUnreachable` if the rest, or their chain, could not be reached: a final no takes every
    venue's word.
    """
    quotes, refusals = [], []
    bad_news: list[Exception] = []
    for venue, answer in zip(venues, await _answers(venues, intent, deadline), strict=True):
        if isinstance(answer, Quote):
            quotes.append(answer)
            continue
        error = answer or _too_slow(venue.name, deadline.after_s)
        refusals.append(Refusal(venue=venue.name, reason=str(error)))
        bad_news.append(error)
    if not quotes:
        _raise_unless_final(bad_news, refusals)
    return quotes, refusals


async def _answers(
    venues: Sequence[Venue], intent: SwapIntent, deadline: Deadline
) -> list[Quote | Exception | None]:
    """Return what each venue answered; None for one that had not by the deadline."""
    first, *others = venues
    # One venue is asked by this very task: for two, that is half the tasks.
    asking = [deadline.loop.create_task(_answer(venue, intent)) for venue in others]
    answer = None
    try:
        with suppress(TimeoutError), deadline():
            answer = await _answer(first, intent)
            for task in asking:  # One by one, but all are on their way.
                await task
        return [answer, *(_said(task) for task in asking)]
    finally:
        for task in asking:
            task.cancel()


def _said(task: asyncio.Task[Quote | Exception]) -> Quote | Exception | None:
    # The one that was waited for when time was up is cancelled with the waiting.
    return task.result() if task.done() and not task.cancelled() else None


def _too_slow(name: str, after_s: float) -> VenueUnavailable:
    metrics.series(metrics.VENUE_SECONDS, name, "quote", "too_slow").observe(after_s)
    return VenueUnavailable(f"no quote within {after_s * 1_000:.0f} ms")


def _raise_unless_final(bad_news: Sequence[Exception], refusals: Sequence[Refusal]) -> None:
    said = "; ".join(f"{refusal.venue}: {refusal.reason}" for refusal in refusals)
    away = [error for error in bad_news if isinstance(error, ServerAway)]
    if any(not isinstance(error, (VenueRejected, ServerAway)) for error in bad_news):
        raise VenueUnavailable(said)
    if away:
        raise VenueUnreachable(said)


async def _answer(venue: Venue, intent: SwapIntent) -> Quote | Exception:
    try:
        with measured(venue.name, "quote"):
            return await venue.quote(intent)
    except Exception as error:  # noqa: BLE001 - whatever a venue raises is its answer
        return error
