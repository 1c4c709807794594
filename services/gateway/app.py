"""Put the gateway's parts together to one ASGI application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.access import Access
from services.gateway.batch import batch_routes
from services.gateway.cancel import Cancel, cancel_routes
from services.gateway.compat.layer import plug_in
from services.gateway.describe import reply
from services.gateway.desk import Desk
from services.gateway.followers import Followers
from services.gateway.gatekeeper import Gatekeeper, Rules
from services.gateway.health import Health
from services.gateway.histories import Histories
from services.gateway.hygiene import Hygiene
from services.gateway.intake import Intake
from services.gateway.latency import Latency
from services.gateway.listing import list_routes
from services.gateway.openapi import complete
from services.gateway.orders import order_routes
from services.gateway.pressure import Pressure
from services.gateway.problems import Problem, answer_crash, answer_problem, answer_refusal
from services.gateway.quota import Quota
from services.gateway.quoting import Quoting, quote_routes
from services.gateway.sockets import Sockets
from services.gateway.streams import Streams
from services.gateway.tickets import Tickets
from shared.archive.postgres import Archive
from shared.clock import utc_now
from shared.settings import GatewaySettings
from shared.streams.log import Log
from shared.venues.registry import open_venues


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the addresses are served with."""

    rules: Rules
    intake: Intake
    cancel: Cancel
    histories: Histories
    followers: Followers
    sockets: Sockets
    streams: Streams
    quoting: Quoting
    health: Health
    pressure: Pressure
    archive: Archive

    @classmethod
    def make(cls, log: Log, archive: Archive, settings: GatewaySettings, access: Access) -> Self:
        """Return the parts of a gateway on this log and archive."""
        histories = Histories(log, archive)
        followers = Followers(log, histories, settings)
        pressure = Pressure(
            log,
            max_backlog=settings.max_backlog,
            max_memory_percent=settings.max_memory_percent,
        )
        quota, intake = Quota(log, settings), Intake(log, settings, utc_now, pressure)
        cancel = Cancel(log, histories, utc_now, deadline_s=settings.accept_deadline_ms / 1_000)
        return cls(
            rules=Rules(
                access=access,
                tickets=Tickets(log),
                quota=quota,
                origins=frozenset(settings.allowed_origins.replace(",", " ").split()),
                max_requests=settings.max_requests,
            ),
            intake=intake,
            cancel=cancel,
            histories=histories,
            followers=followers,
            sockets=Sockets(followers, Desk(quota, intake, cancel), settings),
            streams=Streams(followers, settings.max_sockets),
            quoting=Quoting(
                list(open_venues(settings, log.client).values()), settings.quote_deadline_ms
            ),
            health=Health(log, archive, followers),
            pressure=pressure,
            archive=archive,
        )


class _Gateway(FastAPI):
    def openapi(self) -> dict[str, Any]:
        # FastAPI only collects models that it validates with; ours only describe.
        if not self.openapi_schema:
            complete(super().openapi())
        return super().openapi()


def create_app(parts: Parts, *, compat: bool) -> FastAPI:
    """Return the application. Its background work is run by whoever serves it."""
    app = _Gateway(
        title="Slipstream",
        summary="Executes crypto swap orders at the best price.",
        version="1",
        redoc_url=None,
        exception_handlers={
            Problem: answer_problem,
            HTTPException: answer_refusal,
            Exception: answer_crash,
        },
    )
    app.add_middleware(Gatekeeper, rules=parts.rules)
    app.add_middleware(Hygiene)
    app.add_middleware(Latency)
    app.include_router(order_routes(parts.intake, parts.histories, parts.sockets, parts.streams))
    app.include_router(list_routes(parts.archive))
    app.include_router(batch_routes(parts.intake, parts.rules.quota))
    app.include_router(quote_routes(parts.quoting))
    app.include_router(cancel_routes(parts.cancel))
    app.include_router(parts.rules.tickets.routes())
    described: Any = {200: reply("HealthView", "Yes")}
    refused = {503: reply("HealthView", "No, and why")}
    app.add_api_route("/health", parts.health.live, responses=described, tags=["operation"])
    app.add_api_route(
        "/health/ready", parts.health.ready, responses=described | refused, tags=["operation"]
    )
    app.add_api_route("/metrics", _metrics, tags=["operation"])
    if compat:
        plug_in(app)
    return app


async def _metrics(_request: Request) -> Response:
    """Show every metric, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
