"""The address of the account stream."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.following.server_sent_events import EVENT_STREAM
from services.gateway.http.answers import BareRoute
from services.gateway.http.problems import Code
from services.gateway.openapi.operations import only_streams, problems, takes_stream
from services.gateway.streaming.asked import StreamQuery
from services.gateway.streaming.serving import AccountStreams


class _Events(Response):
    media_type = EVENT_STREAM


def stream_routes(accounts: AccountStreams) -> APIRouter:
    """Return the routes that follow all orders of an account."""
    router = APIRouter(prefix="/api", tags=["orders"], route_class=BareRoute)

    async def follow_account(request: Request) -> Response:
        """Stream what happens to all orders of the caller's account; to everybody's for an admin.

        Each message has its cursor as its id; with `Last-Event-ID` the stream goes on behind it.
        The same address takes a WebSocket, with the same messages; docs/sockets.md has them.
        """
        return accounts.events(request)

    router.add_api_route(
        "/stream",
        follow_account,
        response_class=_Events,
        responses={
            200: only_streams("Everything that happens, until the client leaves"),
            **problems(
                *(Code.INVALID_QUERY, Code.FORBIDDEN, Code.INTERNAL_ERROR),
                *(Code.HISTORY_UNAVAILABLE, Code.TOO_MANY_SOCKETS),
            ),
        },
        openapi_extra=takes_stream(StreamQuery),
    )
    router.add_api_websocket_route("/stream", accounts.socket)
    return router
