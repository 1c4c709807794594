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
        self.app: ASGIApp = self._unavailable
        self._why = "waiting for Redis"

    def tell(self, why: str) -> None:
        """Note why there is no gateway yet, for those who ask."""
        self._why = why

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request by whatever there is now."""
        await self.app(scope, receive, send)

    async def _unavailable(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"], scope["path"]:
            case "http", "/health":
                await JSONResponse({"status": "ok"})(scope, receive, send)
            case "http", "/health/ready":
                said = {"status": "unavailable", "redis": "down", "detail": self._why}
                await JSONResponse(said, 503, _LATER)(scope, receive, send)
            case _:
                await refuse(Problem(Code.LOG_UNAVAILABLE), scope, receive, send)


_LATER = {"retry-after": str(RETRY_AFTER_S)}
