"""The figures for people who watch: what goes on, what needs somebody, how well it is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from slipstream.model import Model


class You(Model, frozen=True, kw_only=True):
    """The caller, by the key."""

    account: str
    role: str


class Replica(Model, frozen=True, kw_only=True):
    """A process of a service; `stale` when it was not heard of for 15 s.

    `loop_delay_ms` is how late its event loop comes, `rss_bytes` the memory it holds.
    """

    service: str
    name: str
    version: str
    started_at: datetime
    seen_at: datetime
    state: str
    loop_delay_ms: float
    rss_bytes: int | None


class Group(Model, frozen=True, kw_only=True):
    """A consumer group: entries not given out yet, those not settled, and the age of the oldest."""

    name: str
    lag: int | None
    pending: int
    oldest_ms: int


class Server(Model, frozen=True, kw_only=True):
    """A server that Slipstream rests on, `up` or `down`, and why."""

    name: str
    state: str
    detail: str
    answered_ms: float | None


class Chain(Model, frozen=True, kw_only=True):
    """How far the chain is, and for how long the gateway has known no newer slot."""

    slot: int
    block_height: int
    age_ms: int


class System(Model, frozen=True, kw_only=True):
    """A Slipstream. What only a server that is away knows is None; so is the simulated `chain`.

    Another `epoch` says that history was lost since.
    """

    network: str
    version: str
    now: datetime
    epoch: str | None
    you: You
    access: str
    partitions: int
    replicas: tuple[Replica, ...] | None
    groups: tuple[Group, ...] | None
    servers: tuple[Server, ...]
    chain: Chain | None


class Hop(Model, frozen=True, kw_only=True):
    """A part of an order's way: `routing`, `building`, `submitted`, or the `total` to any end.

    Times are those of the last 60 s, None where there were none.
    """

    name: str
    p50_ms: float | None
    p99_ms: float | None
    count: int


class History(Model, frozen=True, kw_only=True):
    """The last 120 seconds, the oldest first; the last one ended at `ends_at`.

    Orders that came in and ended, and the time from one to the other.
    """

    ends_at: datetime
    step_s: int
    submitted: tuple[int, ...]
    confirmed: tuple[int, ...]
    failed: tuple[int, ...]
    p50_ms: tuple[float | None, ...]
    p99_ms: tuple[float | None, ...]


class Flow(Model, frozen=True, kw_only=True):
    """Orders of all accounts: `open` ones by status, those that have `ended`, and `rates` a second.

    Figures that cannot be told now are None, and `notes` say why.
    """

    as_of: datetime
    open: Mapping[str, int] | None
    ended: Mapping[str, int] | None
    rates: Mapping[str, float] | None
    hops: tuple[Hop, ...] | None
    history: History | None
    notes: tuple[str, ...]


class Action(Model, frozen=True, kw_only=True):
    """The one thing to do: in words, and as a command for a shell or an address."""

    text: str
    command: str | None
    href: str | None


class Item(Model, frozen=True, kw_only=True):
    """Something that needs somebody, `critical` or a `warning`, and the order it is about."""

    kind: str
    severity: str
    text: str
    since: datetime | None
    order_id: str | None
    action: Action


class Attention(Model, frozen=True, kw_only=True):
    """Whatever needs somebody, the worst first, and how many `more` there are.

    `notes` say what could not be looked at.
    """

    as_of: datetime
    items: tuple[Item, ...]
    more: int
    notes: tuple[str, ...]


class Price(Model, frozen=True, kw_only=True):
    """A venue gives `bid` for one base and takes `ask`, in units of the quote; or `why` not."""

    venue: str
    bid: Decimal | None
    ask: Decimal | None
    at: datetime
    why: str | None


class Pair(Model, frozen=True, kw_only=True):
    """The prices of one `base` in units of `quote`, for swaps of `size` units of the quote."""

    pair: str
    base: str
    quote: str
    size: Decimal
    venues: tuple[Price, ...]
    best_bid: Decimal | None
    best_ask: Decimal | None
    spread_bps: Decimal | None


class Prices(Model, frozen=True, kw_only=True):
    """Prices, at most a second old."""

    as_of: datetime
    pairs: tuple[Pair, ...]


class Bps(Model, frozen=True, kw_only=True):
    """How much more was paid than quoted, in 0.01 %; below 0 where it was less."""

    p5: Decimal | None
    p50: Decimal | None
    p95: Decimal | None


class Took(Model, frozen=True, kw_only=True):
    """From the acceptance to the confirmation, in ms."""

    p50: int | None
    p99: int | None


class VenueQuality(Model, frozen=True, kw_only=True):
    """Orders that ended at a venue; `venue` is None for those that failed before they had one."""

    venue: str | None
    confirmed: int
    failed: int
    vs_quote_bps: Bps
    took_ms: Took
    fails: Mapping[str, int]


class Quality(Model, frozen=True, kw_only=True):
    """How well the newest 10,000 orders were done; `truncated` when there may be more."""

    since: datetime
    until: datetime
    orders: int | None
    venues: tuple[VenueQuality, ...] | None
    truncated: bool
    notes: tuple[str, ...]
