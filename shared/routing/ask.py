"""Ask every venue at once, and sort what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from shared import metrics
from shared.deadline import Deadline
from shared.orders.values import Quote, Refusal, SwapIntent
from shared.venues.measured import measured
from shared.venues.protocol import Venue, VenueRejected, VenueUnavailable, VenueUnreachable


async def ask_all(
    venues: Sequence[Venue], intent: SwapIntent, deadline: Deadline
) -> tuple[list[Quote], list[Refusal]]:
    """Return the quotes that came in time, and why the others did not.

    One quote is enough. With none, raises `VenueUnavailable` if a venue failed or was too slow,
    `VenueUnreachable` if the rest could not be reached: a final no takes every venue's word.
    """
    create_task = deadline.loop.create_task
    asking = {create_task(_ask(venue, intent)): venue.name for venue in venues}
    try:
        with suppress(TimeoutError), deadline():
            await asyncio.wait(asking)
        answered = {task for task in asking if task.done()}
    finally:
        for task in asking:
            task.cancel()
    quotes, refusals = [], []
    bad_news: list[Exception] = []
    for task, name in asking.items():
        error = task.exception() if task in answered else _too_slow(name, deadline.after_s)
        if error is None:
            quotes.append(task.result())
            continue
        if not isinstance(error, Exception):
            raise error
        refusals.append(Refusal(venue=name, reason=str(error)))
        bad_news.append(error)
    if not quotes:
        _raise_unless_final(bad_news, refusals)
    return quotes, refusals


def _too_slow(name: str, after_s: float) -> VenueUnavailable:
    metrics.of(metrics.VENUE_SECONDS, name, "quote", "too_slow").observe(after_s)
    return VenueUnavailable(f"no quote within {after_s * 1_000:.0f} ms")


def _raise_unless_final(bad_news: Sequence[Exception], refusals: Sequence[Refusal]) -> None:
    said = "; ".join(f"{refusal.venue}: {refusal.reason}" for refusal in refusals)
    away = [error for error in bad_news if isinstance(error, VenueUnreachable)]
    if any(not isinstance(error, (VenueRejected, VenueUnreachable)) for error in bad_news):
        raise VenueUnavailable(said)
    if away:
        raise VenueUnreachable(said)


async def _ask(venue: Venue, intent: SwapIntent) -> Quote:
    with measured(venue.name, "quote"):
        return await venue.quote(intent)
