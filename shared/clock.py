"""The one place that asks what time it is, and that writes times for people and logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)


def rfc3339(time: datetime, timespec: str = "milliseconds") -> str:
    """Return an aware time as we write times everywhere: in UTC, with `Z`."""
    return time.astimezone(UTC).isoformat(timespec=timespec).removesuffix("+00:00") + "Z"
