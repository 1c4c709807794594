"""Say what Redis says as a venue would, whose chain lies there."""

from __future__ import annotations

from types import TracebackType

from redis.exceptions import ResponseError

from shared.concurrency.coalescer import Full
from shared.streams.errors import LogUnavailable
from shared.venues.protocol import VenueUnavailable, VenueUnreachable


class _BadNews:
    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if isinstance(error, LogUnavailable):
            raise VenueUnreachable(str(error)) from error
        if isinstance(error, (Full, ResponseError)):
            raise VenueUnavailable(str(error)) from error


BAD_NEWS = _BadNews()
