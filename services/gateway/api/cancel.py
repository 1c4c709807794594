"""The address that cancels an order."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import caller_of
from services.gateway.http.answers import BareRoute, id_in, json_answer
from services.gateway.http.problems import Code
from services.gateway.openapi.operations import problems, reply, takes_id
from services.gateway.openapi.schemas import OrderView
from services.gateway.orders.cancel import Cancel

_CANCEL = problems(
    *(Code.INVALID_ORDER_ID, Code.ORDER_NOT_FOUND, Code.TOO_LATE_TO_CANCEL, Code.ORDER_ENDED),
    *(Code.ORDER_HALTED, Code.INTERNAL_ERROR, Code.HISTORY_UNAVAILABLE, Code.CANCEL_UNKNOWN),
)


def cancel_routes(cancel: Cancel) -> APIRouter:
    """Return the route that cancels an order."""
    router = APIRouter(prefix="/api/orders", tags=["orders"], route_class=BareRoute)

    async def cancel_order(request: Request) -> Response:
        """Cancel the order, unless it is signed already. Repeating it changes nothing."""
        return json_answer(await cancel(id_in(request), caller_of(request)))

    router.add_api_route(
        "/{order_id}",
        cancel_order,
        methods=["DELETE"],
        responses={200: reply(OrderView, "The order, cancelled"), **_CANCEL},
        openapi_extra=takes_id(),
    )
    return router
