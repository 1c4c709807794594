"""Whether the gateway lives, and whether it can take orders."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.following.hub import UpdateHub
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable
from shared.streams.errors import LogUnavailable
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import LostWrites

_DEADLINE_S = 0.8  # Probes often wait a second at most.


class Health:
    """Answers the probes. Postgres is no condition: without it orders run as before."""

    def __init__(self, log: Log, archive: Archive, hub: UpdateHub, lost_writes: LostWrites) -> None:
        self._log = log
        self._archive = archive
        self._hub = hub
        self._lost_writes = lost_writes

    async def live(self, _request: Request) -> Response:
        """Answer: this process turns its loop."""
        return _answer(200, status="ok")

    async def ready(self, _request: Request) -> Response:
        """Answer 200 when orders can be taken, 503 when not, and why."""
        redis, (postgres, unusable) = await asyncio.gather(self._redis(), self._postgres())
        parts = {"redis": "up" if redis else "down", "postgres": "up" if postgres else "down"}
        if self._hub.leaving:
            return _answer(503, status="leaving", **parts)
        if not redis:
            return _answer(503, status="unavailable", **parts)
        if why := self._lost_writes.why():
            return _answer(503, status="unavailable", detail=why, **parts)
        if unusable:
            return _answer(200, status="degraded", detail=unusable, **parts)
        return _answer(200, status="ok" if postgres else "degraded", **parts)

    async def _redis(self) -> bool:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self._log.versions(["readiness"])
        except (LogUnavailable, TimeoutError):
            return False
        return True

    async def _postgres(self) -> tuple[bool, str]:
        """Return whether it can be used, and if not though it answers, why."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self._archive.ping()
        except ArchiveUnusable as error:
            return False, str(error)
        except (ArchiveUnavailable, TimeoutError):
            return False, ""
        return True, ""


def _answer(http_status: int, **fields: Any) -> Response:
    return Response(msgspec.json.encode(fields), http_status, media_type="application/json")
