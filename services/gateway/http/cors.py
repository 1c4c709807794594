"""What lets pages of other origins call the gateway and read its answers."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

# A page reads no others than these and a few that are open to all.
_READ = (
    *("Allow", "Content-Disposition", "Idempotency-Replayed", "Link", "Location", "RateLimit"),
    "RateLimit-Policy",
)
_READ_WHEN_REFUSED = ("Retry-After", "WWW-Authenticate")


class Cors:
    """Middleware: tells browsers that pages of these origins may read an answer, whatever it is.

    Pages of all other origins are told nothing by it, and their requests are judged further in.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        """`*` among the origins is every page. No page may send cookies; there are none."""
        self._app = app
        self._origins = origins
        self._shared = CORSMiddleware(
            app,
            allow_origins=sorted(origins),
            allow_methods=("*",),  # Which an address takes, it says itself.
            allow_headers=("*",),
            allow_private_network=True,
            expose_headers=_READ + _READ_WHEN_REFUSED,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer what a browser asks before it sends one."""
        shared = scope["type"] == "http" and self._is_of_a_page(scope)
        await (self._shared if shared else self._app)(scope, receive, send)

    def _is_of_a_page(self, scope: Scope) -> bool:
        origin = Headers(scope=scope).get("origin")
        return origin is not None and not self._origins.isdisjoint((origin, "*"))
