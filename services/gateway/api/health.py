"""Whether the gateway lives, and whether it can take orders."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.following.hub import UpdateHub
from services.gateway.orders.submit import Intake
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable, ArchiveUnusable
from shared.solana.rpc.nodes import Nodes
from shared.streams.errors import LogUnavailable
from shared.streams.recovery.lost_writes import LostWrites
from shared.streams.redis.error_mapping import Refusals

_NO_NODE = "no node of the chain answers: orders wait"
_DEADLINE_S = 0.8  # Probes often wait a second at most.


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Answers the probes. Postgres is no condition: without it orders run as before.

    Nor are the nodes of the chain: orders wait for them.
    """

    intake: Intake
    refusals: Refusals
    archive: Archive
    hub: UpdateHub
    lost_writes: LostWrites
    chain: str  # Its name.
    nodes: Nodes | None  # Those of a chain that is not simulated.

    async def live(self, _request: Request) -> Response:
        """Answer: this process turns its loop."""
        return _answer(200, status="ok")

    async def ready(self, _request: Request) -> Response:
        """Answer 200 when orders can be taken, 503 when not, and why."""
        away, (postgres, unusable) = await asyncio.gather(self._redis(), self._postgres())
        parts = {"redis": "down" if away else "up", "postgres": "up" if postgres else "down"}
        parts["chain"] = self.chain
        if self.nodes:
            parts["nodes"] = "down" if self.nodes.are_away else "up"
        if self.hub.leaving:
            return _answer(503, status="leaving", **parts)
        if why := away or self.lost_writes.why() or self.refusals.why():
            return _answer(503, status="unavailable", detail=why, **parts)
        if unusable:
            return _answer(200, status="degraded", detail=unusable, **parts)
        if parts.get("nodes") == "down":
            return _answer(200, status="degraded", detail=_NO_NODE, **parts)
        return _answer(200, status="ok" if postgres else "degraded", **parts)

    async def _redis(self) -> str:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self.intake.ask()
        except LogUnavailable as error:
            return error.told
        except TimeoutError:
            return f"Redis does not answer within {_DEADLINE_S:g} s"
        return ""

    async def _postgres(self) -> tuple[bool, str]:
        """Return whether it can be used, and if not though it answers, why."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self.archive.ping()
        except ArchiveUnusable as error:
            return False, str(error)
        except (ArchiveUnavailable, TimeoutError):
            return False, ""
        return True, ""


def _answer(http_status: int, **fields: Any) -> Response:
    return Response(msgspec.json.encode(fields), http_status, media_type="application/json")
