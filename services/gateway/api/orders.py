"""The addresses of orders."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import Role, caller_of
from services.gateway.following.position import public_history
from services.gateway.following.server_sent_events import Streams, wants_stream
from services.gateway.following.websockets import Sockets
from services.gateway.http.answers import BareRoute, id_in, json_answer, taken_body, taken_headers
from services.gateway.http.problems import Code
from services.gateway.openapi.operations import problems, reply, streams_too, takes_id, takes_order
from services.gateway.openapi.schemas import EventView, OrderAccepted, OrderView
from services.gateway.orders.histories import Histories
from services.gateway.orders.parsing import read_order
from services.gateway.orders.requests import OrderRequest
from services.gateway.orders.submit import Intake, asked_in, refusals_counted
from shared.orders.codec import decode
from shared.orders.view import public_order
from shared.tokens.registry import Tokens

_EXECUTE = problems(
    *(Code.MALFORMED_BODY, Code.INVALID_ORDER, Code.UNKNOWN_TOKEN, Code.INVALID_IDEMPOTENCY_KEY),
    *(Code.BODY_TIMEOUT, Code.IDEMPOTENCY_KEY_REUSED, Code.BODY_TOO_LARGE),
    *(Code.UNSUPPORTED_MEDIA_TYPE, Code.INTERNAL_ERROR, Code.LOG_UNAVAILABLE, Code.OVERLOADED),
    Code.ACCEPTANCE_UNKNOWN,
)
_NOT_READ = (
    *(Code.INVALID_ORDER_ID, Code.ORDER_NOT_FOUND, Code.INTERNAL_ERROR, Code.HISTORY_UNAVAILABLE),
)
_READ = problems(*_NOT_READ)
_FOLLOW = problems(*_NOT_READ, Code.INVALID_SINCE, Code.TOO_MANY_SOCKETS)


def order_routes(
    intake: Intake, histories: Histories, sockets: Sockets, streams: Streams, tokens: Tokens
) -> APIRouter:
    """Return the routes that take, show and follow orders."""
    router = APIRouter(prefix="/api/orders", tags=["orders"], route_class=BareRoute)

    async def submit_order(request: Request) -> Response:
        """Take an order in. Once this answers 202, the order is kept and will be executed."""
        with refusals_counted():
            asked = asked_in(request)
            taken = await intake.accept(await read_order(request, tokens), asked)
        response = Response(taken_body(taken), 202)
        response.raw_headers = taken_headers(taken)
        return response

    async def get_order(request: Request) -> Response:
        """Show the order as it stands, in words too, and what may be done about it."""
        caller = caller_of(request)
        history = [decode(raw) for raw in await histories.read_for(caller, id_in(request))]
        due = await histories.due(history[-1])
        may_act = caller.role >= Role.TRADE
        return json_answer(public_order(history, due=due, may_act=may_act))

    async def list_events(request: Request) -> Response:
        """Show everything that has happened to the order, oldest first.

        With `Accept: text/event-stream` the events are streamed as they happen, until the order
        ends. Each has its version as its id; with `Last-Event-ID` the stream goes on behind it.
        """
        if wants_stream(request):
            return streams.follow(request, id_in(request))
        return _json_list(
            public_history(await histories.read_for(caller_of(request), id_in(request)))
        )

    router.add_api_route(
        "/execute",
        submit_order,
        methods=["POST"],
        status_code=202,
        responses={202: reply(OrderAccepted, "The order is on the log"), **_EXECUTE},
        openapi_extra=takes_order(OrderRequest),
    )
    router.add_api_route(
        "/{order_id}",
        get_order,
        responses={200: reply(OrderView, "The order"), **_READ},
        openapi_extra=takes_id(),
    )
    router.add_api_route(
        "/{order_id}/events",
        list_events,
        responses={
            200: streams_too(reply(list[EventView], "Its events")),
            204: {"description": "The stream has nothing behind `Last-Event-ID`: it is over"},
            **_FOLLOW,
        },
        openapi_extra=takes_id(resumes=True),
    )
    router.add_api_websocket_route("/ws", sockets.many)
    router.add_api_websocket_route("/execute", sockets.execute)
    router.add_api_websocket_route("/{order_id}/ws", sockets.one)
    return router


def _json_list(items: Sequence[bytes]) -> Response:
    return Response(b"[" + b",".join(items) + b"]", media_type="application/json")
