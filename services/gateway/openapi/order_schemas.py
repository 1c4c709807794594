"""What clients receive, described for OpenAPI. The bytes themselves are made without these."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema

from services.gateway.openapi.report_schemas import OrderPage, QuotesView, StatsView
from services.gateway.orders.requests import BatchRequest, OrderRequest
from shared.orders.states import Status
from shared.orders.values import FailureReason

_ID = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"
_AT = "2026-01-01T12:00:00Z"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class Links(_Model):
    """Where to look next."""

    order: str = Field(alias="self", examples=[f"/api/orders/{_ID}"])
    events: str = Field(examples=[f"/api/orders/{_ID}/events"])
    ws: str = Field(examples=[f"/api/orders/{_ID}/ws"])


class OrderAccepted(_Model):
    """The order is on the log and on disk."""

    order_id: str = Field(examples=[_ID])
    status: Literal["pending"]
    links: Links


class BatchItem(_Model):
    """What became of the order at this place of the batch: `orderId` and so on, or `problem`."""

    index: int = Field(ge=0, description="Its place in the batch, from 0")
    order_id: str | None = None
    status: Literal["pending"] | None = None
    links: Links | None = None
    repeated: bool | None = Field(
        default=None, description="Whether it was accepted before, under the same key"
    )
    problem: ProblemView | None = None


class BatchAnswer(_Model):
    """What became of each order, in the order they were sent."""

    accepted: int = Field(description="How many orders are on the log")
    refused: int
    orders: list[BatchItem]


class QuoteView(_Model):
    """What a venue offered. Fee and price impact are inside `amountOut`."""

    venue: str
    amount_out: str
    network_fee: str
    fee_bps: str
    price_impact_bps: str
    expires_at: datetime


class FailureView(_Model):
    """Why the order failed."""

    reason: FailureReason
    detail: str


class StatusChange(_Model):
    """When the order took a status."""

    status: Status
    at: datetime


class OrderView(_Model):
    """An order as it stands after `version` events."""

    order_id: str = Field(examples=[_ID])
    client_order_id: str | None = Field(description="The client's own name for it")
    status: Status
    version: int
    token_in: str = Field(examples=["SOL"])
    token_out: str = Field(examples=["USDC"])
    amount_in: str = Field(examples=["1.5"])
    max_slippage_bps: int
    expires_at: datetime | None
    attempts: int = Field(description="Routes chosen so far")
    venue: str | None = Field(examples=["raydium"])
    quotes: list[QuoteView]
    quoted_out: str | None
    min_out: str | None = Field(description="The least the swap may pay")
    signature: str | None
    amount_out: str | None
    price: str | None = Field(description="Units of the token out per unit of the token in")
    failure: FailureView | None
    unresolved: bool = Field(description="Sent, and the chain gave no answer in time")
    cancel_requested: bool
    contradicted: bool = Field(description="The chain says otherwise than the recorded end")
    submitted_at: datetime
    updated_at: datetime
    status_history: list[StatusChange]


class EventView(BaseModel):
    """One event: these fields, and those of its type."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "status": "routing",
                    "type": "RoutingStarted",
                    "orderId": _ID,
                    "version": 2,
                    "at": _AT,
                }
            ]
        },
    )

    status: Status = Field(description="The order's status once this has happened")
    type: str = Field(examples=["RoutingStarted"])
    order_id: str
    version: int = Field(ge=1, description="1, 2, 3 ... without a hole")
    at: datetime


class TicketView(_Model):
    """A ticket for one WebSocket: `?ticket=` at the end of its address."""

    ticket: str
    expires_in: int = Field(examples=[30], description="Seconds")


class FieldProblem(_Model):
    """What is wrong with one field."""

    field: str = Field(examples=["amountIn"])
    message: str = Field(examples=["must be more than 0"])


class ProblemView(_Model):
    """Bad news (RFC 9457)."""

    type: str = Field(examples=["urn:slipstream:problem:invalid-order"])
    title: str
    status: int
    code: str = Field(description="Stable; match on this")
    detail: str | None = None
    errors: list[FieldProblem] | None = None
    order_id: str | None = None


class HealthView(_Model):
    """Whether the gateway can take orders, and what it depends on."""

    status: Literal["ok", "degraded", "unavailable", "leaving"]
    redis: Literal["up", "down"] | None = None
    postgres: Literal["up", "down"] | None = None


def component_schemas() -> dict[str, Any]:
    """Return the JSON schema of everything sent and received, by name."""
    models = (
        *(OrderRequest, BatchRequest, OrderAccepted, BatchAnswer, OrderView, EventView),
        *(OrderPage, QuotesView, StatsView, ProblemView, HealthView, TicketView),
    )
    _, schema = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    definitions: dict[str, Any] = schema["$defs"]
    return definitions
