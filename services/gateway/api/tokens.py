"""Show which tokens may be traded."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.http.answers import BareRoute, json_answer
from services.gateway.http.problems import Code
from services.gateway.openapi.operations import problems, reply
from services.gateway.openapi.schemas import TokensView, TokenView
from shared.tokens.registry import Tokens

# The list changes with a restart only. A minute is long enough for clients that ask every time.
_KEPT = {"cache-control": "private, max-age=60"}


def token_routes(tokens: Tokens) -> APIRouter:
    """Return the route that shows the tokens."""
    router = APIRouter(prefix="/api", tags=["tokens"], route_class=BareRoute)
    shown = [
        {name: getattr(token, name) for name in TokenView.model_fields} for token in tokens.all
    ]

    async def list_tokens(_request: Request) -> Response:
        """List the tokens that may be traded, by the names that orders give them."""
        return json_answer({"tokens": shown}, headers=_KEPT)

    router.add_api_route(
        "/tokens",
        list_tokens,
        responses={200: reply(TokensView, "The tokens"), **problems(Code.INTERNAL_ERROR)},
    )
    return router
