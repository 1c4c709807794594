"""Put the gateway's parts together to one ASGI application."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from services.gateway.access.gatekeeper import OPEN, Gatekeeper, Rules
from services.gateway.api.batch import batch_routes
from services.gateway.api.cancel import cancel_routes
from services.gateway.api.listing import list_routes
from services.gateway.api.orders import order_routes
from services.gateway.api.quotes import quote_routes
from services.gateway.api.tickets import ticket_routes
from services.gateway.api.tokens import token_routes
from services.gateway.compat.layer import plug_in
from services.gateway.figures.attention import attention_routes
from services.gateway.figures.flow import flow_routes
from services.gateway.figures.prices import price_routes
from services.gateway.figures.quality import quality_routes
from services.gateway.figures.stats import stats_routes
from services.gateway.figures.system import system_routes
from services.gateway.figures.venues import venue_routes
from services.gateway.figures.wallets import wallet_routes
from services.gateway.http.cors import Cors
from services.gateway.http.middleware import Head, Latency, SecurityHeaders
from services.gateway.http.problems import Problem, answer_crash, answer_problem, answer_refusal
from services.gateway.openapi.document import complete
from services.gateway.openapi.operations import reply
from services.gateway.openapi.page import page_routes
from services.gateway.openapi.schemas import HealthView
from services.gateway.page.files import read_files
from services.gateway.page.routes import home_routes
from services.gateway.streaming.routes import stream_routes
from services.gateway.wiring import Parts

_WORTH_PACKING = 1_024  # Bytes of an answer.
_QUICKLY = 4  # A fifth of the time of the usual 9, for 6 % more bytes of a list of orders.


class _Gateway(FastAPI):
    rules: Rules

    def build_middleware_stack(self) -> ASGIApp:
        # Around the framework's own, which answers for a bug.
        inside = Cors(super().build_middleware_stack(), self.rules.origins)
        return Head(SecurityHeaders(inside))

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            complete(super().openapi())
        return super().openapi()


def create_app(parts: Parts, *, compat: bool) -> FastAPI:
    """Return the application. Its background work is run by whoever serves it."""
    app = _Gateway(
        title="Slipstream",
        summary="Executes crypto swap orders at the best price.",
        version="1",
        servers=[{"url": "/"}],
        license_info={"name": "MIT", "identifier": "MIT"},
        docs_url=None,  # It would come from elsewhere.
        redoc_url=None,
        redirect_slashes=False,  # Behind TLS it would lead, key and all, to plain HTTP.
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,  # We send what we describe, and no defaults.
        exception_handlers={
            Problem: answer_problem,
            HTTPException: answer_refusal,
            Exception: answer_crash,
        },
    )
    app.rules = parts.rules
    page = read_files()
    app.add_middleware(Gatekeeper, rules=parts.rules, free=OPEN | page.keys())
    app.add_middleware(Latency)
    for router in _routers(parts):
        app.include_router(router)
    app.include_router(home_routes(page))
    _add_operation(app, parts)
    if compat:
        plug_in(app, parts.tokens)
    # Around all others, the last to be added: what is rewritten must not be packed yet.
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_PACKING, compresslevel=_QUICKLY)
    return app


def _routers(parts: Parts) -> list[APIRouter]:
    return [
        stats_routes(parts.stats),  # Before what takes any word for an order's id.
        order_routes(parts.intake, parts.histories, parts.sockets, parts.streams, parts.tokens),
        list_routes(parts.archive, parts.tokens, parts.exports),
        batch_routes(parts.intake, parts.rules.quota, parts.tokens),
        quote_routes(parts.quoting, parts.tokens),
        token_routes(parts.tokens),
        wallet_routes(parts.purses),
        stream_routes(parts.accounts),
        venue_routes(parts.league),
        system_routes(parts.system),
        flow_routes(parts.flow),
        attention_routes(parts.attention),
        price_routes(parts.prices, parts.tokens),
        quality_routes(parts.quality),
        cancel_routes(parts.cancel),
        ticket_routes(parts.rules.tickets),
        page_routes(),
    ]


def _operation_id(route: APIRoute) -> str:
    # Client generators name their functions by it, so endpoints are named as those should be.
    return to_camel(route.name)


def _add_operation(app: FastAPI, parts: Parts) -> None:
    described: Any = {200: reply(HealthView, "Yes")}
    refused = {503: reply(HealthView, "No, and why")}
    health = parts.health
    tags: Any = ["operation"]
    app.add_api_route("/health", health.live, name="get_health", responses=described, tags=tags)
    ready = described | refused
    app.add_api_route(
        "/health/ready", health.ready, name="get_readiness", responses=ready, tags=tags
    )
    app.add_api_route("/metrics", get_metrics, tags=tags)


async def get_metrics(_request: Request) -> Response:
    """Show every metric, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
