"""Many orders in one request, each answered for itself."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access.callers import caller_of
from services.gateway.access.rate_limits import Quota
from services.gateway.http.answers import BareRoute, taken_body
from services.gateway.http.problems import Code, Problem
from services.gateway.openapi.operations import problems, reply, takes_order
from services.gateway.openapi.schemas import BatchAnswer
from services.gateway.orders.parsing import read_batch
from services.gateway.orders.requests import BatchRequest
from services.gateway.orders.submit import Intake, asked_in, refusals_counted
from shared.observability.metrics import ORDERS_REFUSED
from shared.streams.log.creation import Submitted
from shared.tokens.registry import Tokens

_BATCH = problems(
    *(Code.MALFORMED_BODY, Code.INVALID_BATCH, Code.INVALID_ORDER, Code.UNKNOWN_TOKEN),
    *(Code.INVALID_IDEMPOTENCY_KEY, Code.BODY_TIMEOUT, Code.BODY_TOO_LARGE),
    *(Code.UNSUPPORTED_MEDIA_TYPE, Code.INTERNAL_ERROR, Code.LOG_UNAVAILABLE, Code.OVERLOADED),
)
# The log's trouble is everybody's: then the whole request is safe to repeat.
_NOTHING_WRITTEN = {Code.LOG_UNAVAILABLE, Code.OVERLOADED}


def batch_routes(intake: Intake, quota: Quota, tokens: Tokens) -> APIRouter:
    """Return the route that takes many orders at once."""
    router = APIRouter(prefix="/api/orders", tags=["orders"], route_class=BareRoute)

    async def submit_batch(request: Request) -> Response:
        """Take up to 1,000 orders in, each for itself: some may be refused and others kept.

        An Idempotency-Key covers the batch: sent again, each order gets its first answer again.
        """
        with refusals_counted():
            asked = asked_in(request)
            orders = await read_batch(request, tokens)
            if more := len(orders) - 1:  # The request itself was counted at the door.
                await quota.spend(caller_of(request), more)
            answers = await intake.accept_all(orders, asked)
            _raise_if_nothing_was_written(answers)
        return Response(_shown(answers), media_type="application/json")

    router.add_api_route(
        "/batch",
        submit_batch,
        methods=["POST"],
        responses={200: reply(BatchAnswer, "One answer for each order"), **_BATCH},
        openapi_extra=takes_order(BatchRequest),
    )
    return router


def _raise_if_nothing_was_written(answers: list[Submitted | Problem]) -> None:
    [first, *_] = answers
    if isinstance(first, Problem) and all(
        isinstance(answer, Problem) and answer.code in _NOTHING_WRITTEN for answer in answers
    ):
        raise first


def _shown(answers: list[Submitted | Problem]) -> bytes:
    refused = sum(isinstance(answer, Problem) for answer in answers)
    orders = b",".join(_item(place, answer) for place, answer in enumerate(answers))
    counts = (len(answers) - refused, refused)
    return b'{"accepted":%d,"refused":%d,"orders":[%b]}' % (*counts, orders)


def _item(place: int, answer: Submitted | Problem) -> bytes:
    if isinstance(answer, Problem):
        ORDERS_REFUSED.labels(answer.code.name).inc()
        return b'{"index":%d,"problem":%b}' % (place, answer.document())
    repeated = b"true" if answer.kind == "repeated" else b"false"
    return b'{"index":%d,"repeated":%b,%b' % (place, repeated, taken_body(answer)[1:])
