"""The page that shows the description: Swagger UI, all of it from here, so that it needs no net."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from services.gateway.http.answers import BareRoute

_STATIC = Path(__file__).with_name("static")
_FILES = {
    "": "docs.html",
    "/start.js": "start.js",
    "/swagger-ui-bundle.js": "swagger-ui/swagger-ui-bundle.js",
    "/swagger-ui.css": "swagger-ui/swagger-ui.css",
}
_HEADERS = {
    "cache-control": "max-age=3600",
    "content-security-policy": "default-src 'none'; connect-src 'self'; img-src 'self' data:; "
    "script-src 'self'; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


def page_routes() -> APIRouter:
    """Return the routes of the page and of what it loads."""
    router = APIRouter(prefix="/docs", include_in_schema=False, route_class=BareRoute)

    async def show(request: Request) -> Response:
        file = _FILES[request.url.path.removeprefix("/docs")]
        return FileResponse(_STATIC / file, headers=_HEADERS)

    for address in _FILES:
        router.add_api_route(address, show)
    return router
