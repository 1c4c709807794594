"""Answers to clients, described for OpenAPI. The bytes themselves are made without these."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.orders.states import Status
from shared.orders.values import FailureReason

_ID = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"
_AT = "2026-01-01T12:00:00Z"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class Links(_Model):
    """Addresses of the order."""

    order: str = Field(alias="self", examples=[f"/api/orders/{_ID}"])
    events: str = Field(examples=[f"/api/orders/{_ID}/events"])
    ws: str = Field(examples=[f"/api/orders/{_ID}/ws"])


class OrderAccepted(_Model):
    """The order is on the log and on disk."""

    order_id: str = Field(examples=[_ID])
    status: Literal["pending"]
    links: Links


class BatchItem(_Model):
    """The order at this place of the batch: accepted with `orderId`, or refused with `problem`."""

    index: int = Field(ge=0, description="Its place in the batch, from 0")
    order_id: str | None = None
    status: Literal["pending"] | None = None
    links: Links | None = None
    repeated: bool | None = Field(
        default=None, description="Whether it was accepted before, under the same key"
    )
    problem: ProblemView | None = None


class BatchAnswer(_Model):
    """One answer for each order, as they were sent."""

    accepted: int = Field(description="How many orders are on the log")
    refused: int
    orders: list[BatchItem]


class LegView(_Model):
    """A part of a swap over several pools."""

    venue: str = Field(examples=["raydium"])
    pool: str = Field(description="The pool's address on Solana")
    amount_in: str = Field(description="Its share of the order's `amountIn`")
    amount_out: str


class SingleView(_Model):
    """The best swap in one pool alone, which a split has to beat."""

    venue: str = Field(examples=["raydium"])
    pool: str = Field(description="The pool's address on Solana")
    amount_out: str
    network_fee: str = Field(description="In units of the token out; not yet taken off")


class QuoteView(_Model):
    """A venue's quote."""

    venue: str = Field(examples=["raydium"])
    amount_out: str = Field(description="After the venue's fee and price impact")
    network_fee: str = Field(
        description="The chain's charge, in units of the token out: priority fee and base fee"
    )
    fee_bps: str
    price_impact_bps: str
    expires_at: datetime
    fee_unpriced: bool = Field(
        default_factory=bool,
        description="There is no price of SOL in the token out: `networkFee` is 0, and not known",
    )
    legs: list[LegView] = Field(
        default_factory=list, description="The pools of a split, in one transaction; else none"
    )
    best_single: SingleView | None = Field(
        default=None, description="The best that one pool alone would have paid; of a split only"
    )


class RankedQuoteView(QuoteView):
    """A venue's quote with what it ranks by."""

    net_out: str = Field(description="`amountOut` less `networkFee`")


class RefusalView(_Model):
    """A venue's reason for offering nothing."""

    venue: str
    reason: str


class ChosenRouteView(_Model):
    """The route that was chosen last, and why it was."""

    venue: str = Field(examples=["raydium"])
    amount_out: str
    net_out: str = Field(description="`amountOut` less the network fee")
    min_out: str
    margin_bps: str | None = Field(
        description="By how many bps its net amount was above the second best, each less the "
        "discount of its venue; two decimals. Null where there was none to compare with",
        examples=["44.64"],
    )
    runner_up: str | None = Field(description="The venue of the second best quote")
    why: str = Field(description="The choice in a sentence")


class NextView(_Model):
    """The next thing that happens to an order that has not ended."""

    what: str = Field(title="Step", examples=["A router takes it up and asks the venues."])
    at: datetime | None = Field(
        description="When, or by when; null where nobody can tell, mostly at once"
    )
    because: str


class ActionView(_Model):
    """A request that would change the order as it stands."""

    name: Literal["cancel"]
    method: Literal["DELETE"]
    href: str = Field(examples=[f"/api/orders/{_ID}"])
    effect: str = Field(description="The effect in a sentence")


class FailureView(_Model):
    """Why the order failed."""

    reason: FailureReason
    detail: str


class StatusChange(_Model):
    """When the order took a status."""

    status: Status
    at: datetime


class _Order(_Model):
    order_id: str = Field(examples=[_ID])
    client_order_id: str | None = Field(description="The client's own name for it")
    account: str = Field(description="Whose it is", examples=["public"])
    status: Status
    version: int
    token_in: str = Field(examples=["SOL"])
    token_out: str = Field(examples=["USDC"])
    amount_in: str = Field(examples=["1.5"])
    max_slippage_bps: int
    expires_at: datetime | None
    attempts: int = Field(description="Routes chosen so far")
    venue: str | None = Field(examples=["raydium"])
    quoted_out: str | None
    min_out: str | None = Field(description="The least the swap may pay")
    signature: str | None
    amount_out: str | None
    price: str | None = Field(description="Units of the token out per unit of the token in")
    vs_quote_bps: str | None = Field(
        description="By how many bps `amountOut` is above `quotedOut`, with two decimals; below, "
        "it is negative",
        examples=["-1.20"],
    )
    unresolved: bool = Field(description="Sent, and the chain gave no answer in time")
    cancel_requested: bool
    contradicted: bool = Field(description="The chain says otherwise than the recorded end")
    submitted_at: datetime
    updated_at: datetime


class OrderView(_Order):
    """An order as it stands after `version` events."""

    summary: str = Field(
        description="The order in a sentence",
        examples=["Swapped 1.5 SOL for 224.9 USDC on raydium, 1.2 bps less than quoted."],
    )
    next: NextView | None = Field(description="Null once the order has ended")
    actions: list[ActionView] = Field(description="Those that the caller may ask for")
    quotes: list[RankedQuoteView] = Field(description="Those of the last routing")
    refusals: list[RefusalView] = Field(description="Those of the last routing")
    route: ChosenRouteView | None = Field(description="Null before the first routing")
    failure: FailureView | None
    status_history: list[StatusChange]


class OrderSummary(_Order):
    """An order without its quotes and its history."""

    failure_reason: FailureReason | None


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


class Total(_Model):
    """How many orders match on all pages. Counted up to 10,000; then `exact` is false."""

    count: int = Field(ge=0)
    exact: bool


class OrderPage(_Model):
    """Orders, newest first."""

    orders: list[OrderSummary]
    next: str | None = Field(description="The cursor of the next page; null on the last one")
    total: Total | None = Field(default=None, description="Is there with `total=true`")


class FillView(_Model):
    """A confirmed swap."""

    order_id: str = Field(examples=[_ID])
    client_order_id: str | None
    account: str = Field(examples=["public"])
    venue: str | None = Field(examples=["raydium"])
    token_in: str = Field(examples=["SOL"])
    token_out: str = Field(examples=["USDC"])
    amount_in: str = Field(examples=["1.5"])
    amount_out: str = Field(description="By the chain's own word", examples=["224.5"])
    price: str = Field(description="Units of the token out per unit of the token in")
    quoted_out: str | None
    signature: str
    contradicted: bool = Field(
        description="The chain has said otherwise since: the order's events tell how"
    )
    submitted_at: datetime
    confirmed_at: datetime
    vs_quote_bps: str | None = Field(
        description="By how many bps `amountOut` is above `quotedOut`", examples=["-1.20"]
    )


class FillPage(_Model):
    """Fills, by when they were confirmed, the newest first."""

    fills: list[FillView]
    next: str | None = Field(description="The cursor of the next page; null on the last one")
    total: Total | None = Field(default=None, description="Is there with `total=true`")


class OfferView(RankedQuoteView):
    """A venue's offer. Offers rank by `netOut`; an order would accept `minOut` at least."""

    min_out: str


class QuotesView(_Model):
    """The venues' present offers, and the one that an order would get."""

    quotes: list[OfferView]
    refusals: list[RefusalView]
    best: OfferView | None


class TokenView(_Model):
    """A token. Orders name it by its symbol or its mint."""

    symbol: str = Field(examples=["SOL"])
    name: str = Field(examples=["Wrapped SOL"])
    mint: str = Field(
        examples=["So11111111111111111111111111111111111111112"],
        description="Its address on Solana",
    )
    decimals: int = Field(ge=0, examples=[9], description="The most that an amount of it may have")


class TokensView(_Model):
    """The tokens that this Slipstream trades."""

    tokens: list[TokenView]


class BalanceView(_Model):
    """A wallet's amount of a token."""

    token: str = Field(examples=["SOL"])
    mint: str = Field(examples=["So11111111111111111111111111111111111111112"])
    amount: str = Field(examples=["12.5"])


class WalletView(_Model):
    """A wallet and what it holds, none of zero, as of a slot or later."""

    name: str = Field(examples=["main"])
    address: str = Field(description="Its public key, in base 58")
    accounts: list[str] = Field(
        description="Whose orders it pays for; `*` is everybody else's. Of these a key without the "
        "role `admin` sees its own account only"
    )
    slot: int = Field(ge=0)
    balances: list[BalanceView]


class WalletsView(_Model):
    """The chain that orders settle on, and the caller's wallets there."""

    chain: Literal["simulated", "devchain", "devnet", "mainnet"]
    wallets: list[WalletView]


class QuotingView(_Model):
    """How a venue answers when it is asked for a quote."""

    answered: float = Field(description="Quotes")
    refused: float = Field(description="Final noes: no such pair, too small an amount ...")
    failed: float = Field(description="Errors, silence, and a rate that was used up")
    p50_ms: float | None = Field(description="Half of the answers came within so many ms")
    p99_ms: float | None


class RateView(_Model):
    """A venue's rate, which all replicas share."""

    requests: int = Field(description="Most requests in a window")
    window_ms: int
    left: int = Field(description="Requests that may be made now")
    rest_ms: int = Field(description="How long the venue wants to be left alone, in ms")


class VenueView(_Model):
    """A venue and its record. Counts fade: each halves every ten minutes."""

    name: str = Field(examples=["raydium"])
    state: Literal["up", "halfOpen", "open"] = Field(
        description="The worst that a router knows: `open` is passed over by orders"
    )
    why: str = Field(description="The last failure of a venue that is not `up`")
    routers: dict[str, int] = Field(
        description="How many routers know it in which state; a gateway asks for itself"
    )
    quotes: QuotingView
    won: float = Field(description="Orders that went there")
    landed: float
    lost: dict[str, float] = Field(
        description="Routes that came to nothing, by reason: `gone` (its price had moved), "
        "`failed` (it did not build what it had quoted), `expired` (the network dropped the "
        "transaction), or the reason why the order failed"
    )
    realised: str | None = Field(
        description="The amount paid by the one that was quoted, on average; null before the first",
        examples=["1.000000"],
    )
    landing_ms: int | None = Field(description="From the signature to the confirmation, on average")
    discount_bps: int = Field(
        description="By how much its quotes count for less when they are ranked, in 0.01 %"
    )
    rate: RateView | None = Field(description="The rate of a venue behind HTTP; null of others")


class VenuesView(_Model):
    """The venues that orders may go to."""

    venues: list[VenueView]


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


class TicketView(_Model):
    """A ticket for one WebSocket: `?ticket=` at the end of its address."""

    ticket: str
    expires_in: int = Field(examples=[30], description="Seconds")


class FieldProblem(_Model):
    """A mistake in one field."""

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
    chain: Literal["simulated", "devchain", "devnet", "mainnet"] | None = None
    nodes: Literal["up", "down"] | None = Field(
        default=None,
        description="Whether any node of the chain answers; orders wait while none does. The "
        "simulated chain has none",
    )
    detail: str | None = None
