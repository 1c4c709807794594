"""An application that answers before there is a gateway: it lives, but takes no orders yet."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.access.gatekeeper import refuse
from services.gateway.http.problems import RETRY_AFTER_S, Code, Problem


class Starting:
    """ASGI application: serves `app` once that is set, and until then says to come back.

    A server that is waited for is no reason to end the one that waits, and who asks whether this
    one lives must be told.
    """

    def __init__(self) -> None:
        self.app: ASGIApp = _unavailable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request by whatever there is now."""
        await self.app(scope, receive, send)


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    health = _HEALTH.get(scope["path"]) if scope["type"] == "http" else None
    if health:
        await JSONResponse(*health)(scope, receive, send)
    else:
        await refuse(Problem(Code.LOG_UNAVAILABLE), scope, receive, send)


_LATER = {"retry-after": str(RETRY_AFTER_S)}
_HEALTH: dict[str, tuple[dict[str, str], int, dict[str, str]]] = {
    "/health": ({"status": "ok"}, 200, {}),
    "/health/ready": ({"status": "unavailable", "redis": "down"}, 503, _LATER),
}
