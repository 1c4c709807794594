"""Keep the log no longer than its readers need."""

from __future__ import annotations

import asyncio
import logging

from shared.concurrency.pause import pause
from shared.observability import metrics
from shared.settings import ProjectorSettings
from shared.streams.consumer.backlog import report_log
from shared.streams.errors import GroupMissing, LogUnavailable
from shared.streams.log.log import Log

logger = logging.getLogger(__name__)


async def keep_trimmed(log: Log, settings: ProjectorSettings, stop: asyncio.Event) -> None:
    """Drop what every group has acknowledged, again and again, until told to stop.

    It stays for a while for those who follow an account and come back.
    Any number of replicas may do so: what one has dropped, the others find gone.
    """
    window_ms, most = round(settings.stream_window_s * 1_000), settings.stream_window_entries
    while not stop.is_set():
        await pause(stop, settings.trim_every_s)
        try:
            metrics.TRIMMED.inc(await log.trim(window_ms, most))
            await report_log(log)
        except (LogUnavailable, GroupMissing) as error:
            logger.warning("the log was not trimmed: %s", error)
