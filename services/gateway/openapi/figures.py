"""The figures for people who watch, described for OpenAPI. Their bytes are made without these."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class CallerView(_Model):
    """The sender of the request, by the key."""

    account: str = Field(examples=["public"])
    role: Literal["read", "trade", "admin"]


class ReplicaView(_Model):
    """A process of a service, by its last heartbeat."""

    service: Literal["gateway", "router", "executor", "notifier", "projector"]
    name: str = Field(examples=["host.4711.1a2b3c4d"])
    version: str
    started_at: datetime
    seen_at: datetime
    state: Literal["up", "stale"] = Field(
        description="`stale`: not heard of for 15 s, and it did not say that it leaves"
    )
    loop_delay_ms: float = Field(
        description="How late its event loop comes to its work, on average since the last heartbeat"
    )
    rss_bytes: int | None = Field(description="The memory it holds; null where nobody can tell")


class GroupView(_Model):
    """A consumer group, over all partitions."""

    name: Literal["router", "executor", "notifier", "projector"]
    lag: int | None = Field(description="Entries not given out yet; null where Redis cannot tell")
    pending: int = Field(description="Entries given out and not settled")
    oldest_ms: int = Field(description="Age of the oldest of both, in ms; 0 without any")


class ServerView(_Model):
    """A server that Slipstream rests on."""

    name: Literal["redis", "postgres", "chain"]
    state: Literal["up", "down"]
    detail: str = Field(description="Why it is down, or what is wrong though it answers; or empty")
    answered_ms: float | None


class ChainView(_Model):
    """How far the chain is, as a node tells."""

    slot: int
    block_height: int
    age_ms: int = Field(description="Since this gateway saw that slot first, in ms")


class SystemView(_Model):
    """A Slipstream and its parts. Knowledge that only a server has which is away is null."""

    network: Literal["simulated", "devchain", "devnet", "mainnet"]
    version: str = Field(description="The version of the gateway that answers")
    now: datetime
    epoch: str | None = Field(
        description="The name of the log's life: another one once history was lost, as the account "
        "stream tells, too"
    )
    you: CallerView
    access: Literal["open", "keys"] = Field(description="`open`: everybody is let in without a key")
    partitions: int
    replicas: list[ReplicaView] | None
    groups: list[GroupView] | None
    servers: list[ServerView] = Field(description="The simulated chain lives in Redis: no `chain`")
    chain: ChainView | None = Field(description="Null for the simulated chain")


_NOTES = Field(description="Why figures are null: which server did not answer")


class StandingView(_Model):
    """Orders that have not ended, by status."""

    pending: int
    routing: int
    building: int
    submitted: int
    unresolved: int = Field(description="Those among them that the chain gives no answer about")


class EndedView(_Model):
    """Orders that have ended, ever."""

    confirmed: int
    failed: int
    cancelled: int
    expired: int


class RatesView(_Model):
    """Orders a second, over the last 10 s."""

    submitted: float = Field(description="Accepted")
    confirmed: float
    failed: float
    cancelled: float
    expired: float


class HopView(_Model):
    """A part of an order's way, within the last 60 s."""

    name: Literal["routing", "building", "submitted", "total"] = Field(
        description="`routing`: until a route is chosen; `building`: until the transaction is "
        "signed; `submitted`: from the event before the confirmation to the confirmation; `total`: "
        "from the acceptance to any end"
    )
    p50_ms: float | None = Field(description="Null where there was none")
    p99_ms: float | None
    count: int


class HistoryView(_Model):
    """The last 120 seconds, the oldest first: the last one ended at `endsAt`."""

    ends_at: datetime
    step_s: Literal[1]
    submitted: list[int]
    confirmed: list[int]
    failed: list[int]
    p50_ms: list[float | None] = Field(description="From the acceptance to the end")
    p99_ms: list[float | None]


class FlowView(_Model):
    """How orders flow."""

    as_of: datetime
    open: StandingView | None
    ended: EndedView | None
    rates: RatesView | None
    hops: list[HopView] | None
    history: HistoryView | None
    notes: list[str] = _NOTES


class ActionView(_Model):
    """The one thing to do: in words, and as a command, an address of this API or a document."""

    text: str = Field(examples=["Look at it"])
    command: str | None = Field(description="For a shell beside the stack")
    href: str | None


class ItemView(_Model):
    """Something that needs somebody."""

    kind: Literal[
        "unresolvedOrder",
        "contradiction",
        "conflict",
        "deadLetters",
        "lag",
        "staleReplica",
        "venueDown",
        "lowBalance",
        "serverDown",
    ]
    severity: Literal["warning", "critical"]
    text: str
    since: datetime | None = Field(description="Null where nobody knows")
    order_id: str | None
    action: ActionView


class AttentionView(_Model):
    """Things that need somebody, the worst first."""

    as_of: datetime
    items: list[ItemView]
    more: int = Field(description="How many more there are than these 50")
    notes: list[str] = Field(description="Everything that could not be looked at, and why")


class PricesQuery(_Model):
    """The pairs whose prices are wanted."""

    pair: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="Symbols or mints of two tokens, as in `SOL/USDC`; may be repeated. Without "
        "any it is every token in USDC, 20 at most",
    )


class PriceView(_Model):
    """A venue's price of one base, in units of the quote."""

    venue: str
    bid: str | None = Field(description="It gives so much for one", examples=["149.55"])
    ask: str | None = Field(description="It takes so much for one", examples=["150.45"])
    at: datetime
    why: str | None = Field(description="Why there is no price")


class PairView(_Model):
    """The prices of a pair by venue."""

    pair: str = Field(examples=["SOL/USDC"])
    base: str
    quote: str
    size: str = Field(description="Units of the quote that are swapped for a price")
    venues: list[PriceView]
    best_bid: str | None
    best_ask: str | None
    spread_bps: str | None = Field(
        description="By how much the best ask lies above the best bid, in 0.01 % of their mean. "
        "Below 0 where one venue gives more than another takes"
    )


class PricesView(_Model):
    """Prices, at most a second old."""

    as_of: datetime
    pairs: list[PairView]


class BpsView(_Model):
    """How much more was paid than quoted, in 0.01 %; below 0 where it was less."""

    p5: str | None = Field(examples=["-12.50"])
    p50: str | None
    p95: str | None


class TookView(_Model):
    """From the acceptance to the confirmation, in ms."""

    p50: int | None
    p99: int | None


class VenueQualityView(_Model):
    """Orders that ended with a venue's route, confirmed or failed."""

    venue: str | None = Field(description="Null: they failed before any venue was chosen")
    confirmed: int
    failed: int
    vs_quote_bps: BpsView
    took_ms: TookView
    fails: dict[str, int] = Field(description="The failed ones by reason, the most frequent first")


class QualityView(_Model):
    """How well the orders were done that were submitted within a time and have ended."""

    since: datetime
    until: datetime
    orders: int | None = Field(description="As many have ended, in whatever way")
    venues: list[VenueQualityView] | None
    truncated: bool = Field(description="Only the newest 10,000 were looked at")
    notes: list[str] = _NOTES
