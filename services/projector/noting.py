"""Note how far the log is archived, beside the batches: once a second costs less than each time."""

from __future__ import annotations

import asyncio
import logging

from services.projector.handler import Projector
from shared.concurrency.pause import pause
from shared.errors import ServerAway

logger = logging.getLogger(__name__)

_EVERY_S = 1.0
_LAST_S = 2.0


async def keep_noted(projector: Projector, stop: asyncio.Event) -> None:
    """Note positions again and again, until told to stop."""
    while not stop.is_set():
        await pause(stop, _EVERY_S)
        await note(projector)


async def note_last(projector: Projector) -> None:
    """Note what the last batches have reached, unless a server is away."""
    try:
        async with asyncio.timeout(_LAST_S):
            await note(projector)
    except TimeoutError:
        logger.warning("it was not noted how far the log is archived: no answer in time")


async def note(projector: Projector) -> None:
    """Note positions, or say why not."""
    try:
        await projector.note_positions()
    except ServerAway as error:
        logger.warning("it was not noted how far the log is archived: %s", error)
