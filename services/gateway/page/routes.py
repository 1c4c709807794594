"""Serve the page and what it loads, to everybody: the page holds no secrets."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code, Problem
from services.gateway.page.files import HOME, UNDER, File

_HEADERS = {
    "cache-control": "no-cache",  # Kept, and asked about each time: 304 unless it has changed.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "vary": "Accept, Accept-Encoding",
}
_ADDRESSES = {
    "page": "/",
    "docs": "/docs",
    "openapi": "/openapi.json",
    "orders": "/api/orders",
    "quotes": "/api/quotes",
    "ready": "/health/ready",
}


def home_routes(files: Mapping[str, File]) -> APIRouter:
    """Return the routes of the page, which is `/`, and of its files."""
    router = APIRouter(include_in_schema=False, route_class=BareRoute)

    async def show(request: Request) -> Response:
        """Show a file; a program that asks `/` for JSON is told where the API is."""
        path = request.url.path
        if path == HOME and _wants_json(request.headers):
            return json_answer(_ADDRESSES, headers={"vary": "Accept"})
        if path not in files:
            raise Problem(Code.NOT_FOUND)
        return _answer(files[path], request.headers)

    router.add_api_route(HOME, show)
    router.add_api_route(UNDER + "{name:path}", show)
    return router


def _answer(file: File, headers: Headers) -> Response:
    own = {**_HEADERS, "etag": file.etag}
    if _has(headers, file.etag):
        return Response(status_code=304, headers=own)
    content = file.content
    if file.packed is not None and "gzip" in headers.get("accept-encoding", ""):
        content, own["content-encoding"] = file.packed, "gzip"
    return Response(content, headers={**own, "content-type": file.kind})


def _has(headers: Headers, etag: str) -> bool:
    known = [one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")]
    return "*" in known or etag.removeprefix("W/") in known


def _wants_json(headers: Headers) -> bool:
    accepted = headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted
