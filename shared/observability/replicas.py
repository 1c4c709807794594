"""A replica's word about itself, as its heartbeats carry it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Note(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which service it is of, and how it does.

    `loop_delay_ms` is how late its event loop came, on average since the heartbeat before;
    `rss_bytes` is the memory it holds, None where the system does not say.
    """

    service: str
    version: str
    started_at: datetime
    loop_delay_ms: float
    rss_bytes: int | None
