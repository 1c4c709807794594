"""Answers about many orders, described for OpenAPI, as `answers` describes those about one."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.orders.states import Status
from shared.orders.values import FailureReason


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class OrderSummary(_Model):
    """An order without its quotes and its history."""

    order_id: str
    client_order_id: str | None
    status: Status
    version: int
    token_in: str = Field(examples=["SOL"])
    token_out: str = Field(examples=["USDC"])
    amount_in: str = Field(examples=["1.5"])
    max_slippage_bps: int
    expires_at: datetime | None
    attempts: int
    venue: str | None = Field(examples=["raydium"])
    quoted_out: str | None
    min_out: str | None
    signature: str | None
    amount_out: str | None
    price: str | None
    failure_reason: FailureReason | None
    unresolved: bool
    cancel_requested: bool
    contradicted: bool
    submitted_at: datetime
    updated_at: datetime


class OrderPage(_Model):
    """Orders, newest first."""

    orders: list[OrderSummary]
    next: str | None = Field(description="The cursor of the next page; null on the last one")


class OfferView(_Model):
    """What a venue offers. They rank by `netOut`; `minOut` is the least an order would accept."""

    venue: str = Field(examples=["raydium"])
    amount_out: str = Field(description="After the venue's fee and price impact")
    network_fee: str
    fee_bps: str
    price_impact_bps: str
    expires_at: datetime
    net_out: str = Field(description="`amountOut` less `networkFee`")
    min_out: str


class RefusalView(_Model):
    """Why a venue offers nothing."""

    venue: str
    reason: str


class QuotesView(_Model):
    """What the venues offer at the moment, and which of it an order would get."""

    quotes: list[OfferView]
    refusals: list[RefusalView]
    best: OfferView | None


class QueueView(_Model):
    """Orders by how far they are."""

    waiting: int = Field(description="Accepted, and not taken up yet")
    active: int = Field(description="Being routed, signed or confirmed")
    completed: int = Field(description="Confirmed, ever")
    failed: int
    cancelled: int
    expired: int


class ConnectionsView(_Model):
    """Clients of the gateway that answers."""

    connections: int = Field(description="Open WebSockets")


class LagView(_Model):
    """Entries of the log that each service has not settled; null where Redis cannot tell."""

    router: int | None
    executor: int | None
    notifier: int | None
    projector: int | None


class StatsView(_Model):
    """How much is going on."""

    queue: QueueView
    websocket: ConnectionsView
    lag: LagView
