"""Bad news as RFC 9457 problem documents, each with a stable code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 1
_SHOWN = 20  # A body can hold thousands of mistakes; nobody reads that many.

_HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"www-authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"retry-after": str(RETRY_AFTER_S)},
    HTTPStatus.SERVICE_UNAVAILABLE: {"retry-after": str(RETRY_AFTER_S)},
}


class Code(Enum):
    """A problem's code. Names are stable: clients match on them."""

    MALFORMED_REQUEST = 400, "The request is not HTTP"
    AMBIGUOUS_HOST = 400, "The request names no host, or several"
    MALFORMED_BODY = 400, "The body is not a JSON object"
    INVALID_ORDER = 400, "The order is not valid"
    UNKNOWN_TOKEN = 400, "No token has this name"
    INVALID_BATCH = 400, "The batch is not valid"
    INVALID_IDEMPOTENCY_KEY = 400, "The Idempotency-Key is not valid"
    INVALID_QUERY = 400, "The query is not valid"
    INVALID_ORDER_ID = 400, "The order id is not a UUID"
    INVALID_SINCE = 400, "`since` is not a version"
    INVALID_MESSAGE = 400, "The message was not understood"
    UNAUTHENTICATED = 401, "A valid API key is needed"
    FORBIDDEN = 403, "The caller may not do this"
    HOST_NOT_ALLOWED = 403, "The gateway may not be called by this name"
    ORIGIN_NOT_ALLOWED = 403, "Pages of this origin may not use this gateway"
    NOT_FOUND = 404, "There is nothing at this address"
    ORDER_NOT_FOUND = 404, "There is no such order"
    METHOD_NOT_ALLOWED = 405, "This address does not take this method"
    HEAD_TIMEOUT = 408, "The head of the request did not arrive in time"
    BODY_TIMEOUT = 408, "The body did not arrive in time"
    IDEMPOTENCY_KEY_REUSED = 409, "The Idempotency-Key belongs to another order"
    TOO_LATE_TO_CANCEL = 409, "The order is signed; only the chain decides now"
    ORDER_HALTED = 409, "The order is halted; a person has to settle it first"
    ORDER_ENDED = 409, "The order has ended"
    ALREADY_SUBSCRIBED = 409, "This socket follows the order already"
    NOT_SUBSCRIBED = 409, "This socket does not follow the order"
    TOO_MANY_SUBSCRIPTIONS = 409, "This socket follows as many orders as it may"
    BODY_TOO_LARGE = 413, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = 415, "The body must be application/json"
    RATE_LIMITED = 429, "Too many requests"
    TOO_MANY_CONNECTIONS = 429, "Too many connections from this address"
    HEAD_TOO_LARGE = 431, "The head of the request is too large"
    INTERNAL_ERROR = 500, "Something went wrong on our side"
    LOG_UNAVAILABLE = 503, "No orders can be taken now; nothing was written"
    OVERLOADED = 503, "Too many orders are waiting; nothing was written"
    HISTORY_UNAVAILABLE = 503, "The order cannot be looked up now"
    CANCEL_UNKNOWN = 503, "It cannot be told whether the order is cancelled; ask again"
    TICKETS_UNAVAILABLE = 503, "Tickets cannot be given out or checked now"
    QUOTES_UNAVAILABLE = 503, "No venue gives a quote now"
    STATS_UNAVAILABLE = 503, "The figures cannot be told now"
    WALLETS_UNAVAILABLE = 503, "No node of the chain tells what wallets hold now"
    VENUES_UNAVAILABLE = 503, "The record of venues cannot be read now"
    TOO_MANY_EXPORTS = 503, "Too many files are being written"
    TOO_MANY_SOCKETS = 503, "Too many clients are connected, or the gateway is leaving"
    ACCEPTANCE_UNKNOWN = 504, "It is unknown whether the order was accepted; ask for its id"

    def __init__(self, status: int, title: str) -> None:
        self.status = status
        self.title = title


class FieldError(NamedTuple):
    """A mistake in one field of the request."""

    field: str
    message: str


class Problem(Exception):
    """Bad news for the client. `order_id` is set when it is about an order that may exist."""

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        order_id: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail or code.title)
        self.code = code
        self.detail = detail
        self.errors = errors[:_SHOWN]
        self.order_id = order_id
        self.headers = {**_HEADERS.get(code.status, {}), **headers}

    def fields(self) -> dict[str, Any]:
        """Return what the problem document says."""
        code = self.code
        fields: dict[str, Any] = {
            "type": f"urn:slipstream:problem:{code.name.lower().replace('_', '-')}",
            "title": code.title,
            "status": code.status,
            "code": code.name,
        }
        if self.detail:
            fields["detail"] = self.detail
        if self.errors:
            fields["errors"] = [{"field": printable(f), "message": m} for f, m in self.errors]
        if self.order_id:
            fields["orderId"] = self.order_id
        return fields

    def document(self) -> bytes:
        """Return the problem document."""
        # Not msgspec: what clients send may hold lone surrogates, which only escapes can carry.
        return json.dumps(self.fields(), separators=(",", ":")).encode()

    def response(self) -> Response:
        """Return the problem as an HTTP answer."""
        return Response(self.document(), self.code.status, self.headers, PROBLEM_JSON)


def printable(text: str) -> str:
    """Return what a client sent in a form that is safe and short enough to send back."""
    return text[:64].encode("ascii", "backslashreplace").decode()


async def answer_problem(_request: Request, error: Exception) -> Response:
    """Answer with a `Problem` that an endpoint raised."""
    return error.response() if isinstance(error, Problem) else await answer_crash(_request, error)


async def answer_refusal(request: Request, error: Exception) -> Response:
    """Answer what the framework refused by itself: an unknown address or a wrong method."""
    if not isinstance(error, HTTPException) or error.status_code not in _REFUSALS:
        return await answer_crash(request, error)
    response = Problem(_REFUSALS[error.status_code]).response()
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["allow"] = _methods_at(request) or response.headers["allow"]
    return response


def _methods_at(request: Request) -> str:
    # The framework names the methods of one route only; an address has a route for each.
    paths = request.app.openapi()["paths"]
    route = request.scope.get("route")
    methods = paths.get(request.url.path) or (paths.get(route.path) if route else None) or ()
    also = ["head"] if "get" in methods else []
    return ", ".join(sorted([*methods, *also])).upper()


async def answer_crash(_request: Request, _error: Exception) -> Response:
    """Answer for a bug. What it was is for the log, not for the client."""
    return Problem(Code.INTERNAL_ERROR).response()


_REFUSALS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}
