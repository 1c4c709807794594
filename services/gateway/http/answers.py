"""What the addresses share: routes that cost nothing on the way, and JSON answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.http.problems import Code, Problem
from shared.observability.log_context import subject
from shared.streams.log.creation import Submitted

EXECUTE = "/api/orders/execute"
MANY = "/api/orders/ws"  # The socket for many orders.

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class BareRoute(APIRoute):
    """A route that hands the request straight to its endpoint: nothing on the way costs time."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        return self.endpoint


def given_once(given: Headers | QueryParams, name: str, otherwise: Code) -> str | None:
    """Return the one value of a header or parameter, if there is any.

    Raises `Problem` of the code `otherwise` where there are more: readers disagree on which counts.
    """
    values = given.getlist(name)
    if len(values) > 1:
        raise Problem(otherwise, f"{name} is given more than once")
    return values[0] if values else None


def checked_id(order_id: str) -> str:
    """Return the id as the log spells it. Raises `Problem` when it cannot be one."""
    order_id = order_id.lower()
    if not _UUID.fullmatch(order_id):
        raise Problem(Code.INVALID_ORDER_ID)
    return order_id


def id_in(request: Request) -> str:
    """Return the order id of the address: what the request is about, also for its logs.

    Raises `Problem` when it cannot be one.
    """
    order_id = checked_id(request.path_params["order_id"])
    subject.set(order_id)
    return order_id


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer that holds `content` as JSON."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def accepted(order_id: str) -> dict[str, Any]:
    """Return what the client of a new order is told: its id, and where to look next."""
    address = f"/api/orders/{order_id}"
    links = {"self": address, "events": f"{address}/events", "ws": f"{address}/ws"}
    return {"orderId": order_id, "status": "pending", "links": links}


_ACCEPTED = msgspec.json.encode(accepted("?")).split(b"?")


def taken_body(taken: Submitted) -> bytes:
    """Return `accepted` as JSON: the same words every time, around the id."""
    return taken.order_id.encode().join(_ACCEPTED)


def taken_headers(taken: Submitted) -> list[tuple[bytes, bytes]]:
    """Return the headers of the answer to an order that was taken in."""
    order_id = taken.order_id.encode()
    length = sum(map(len, _ACCEPTED)) + (len(_ACCEPTED) - 1) * len(order_id)
    headers = [
        (b"location", b"/api/orders/" + order_id),
        (b"content-length", b"%d" % length),
        (b"content-type", b"application/json"),
    ]
    if taken.kind == "repeated":
        headers.append((b"idempotency-replayed", b"true"))
    return headers
