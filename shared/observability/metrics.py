"""Every metric, in one place, so that the set can be read as a set.

Units are seconds, ratios and counts. Labels are bounded, as `LABELS` says of each; never an order
or an account.
"""

from __future__ import annotations

from typing import TypeVar, overload

from prometheus_client import Counter, Gauge, disable_created_metrics

from shared.observability.histogram import Histogram, Series

# They double what is scraped, and only say when this process began.
disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus_client's own lack

# Sub-millisecond steps to slow chains.
_SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
# Finest where a chain confirms: within a second on a desk, in two to five seconds elsewhere.
_ORDER_SECONDS = (
    *(0.1, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 7.5),
    *(10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)
_HOP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, *_ORDER_SECONDS)
_ANSWER_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
_RATIOS = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 1.0, 1.001, 1.002, 1.005, 1.01, 1.02)
_SPREADS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

ORDERS_ACCEPTED = Counter("slipstream_orders_accepted_total", "Orders answered with 202")
ORDERS_REFUSED = Counter(
    "slipstream_orders_refused_total", "Orders not taken, by problem code", ["code"]
)
TURNED_AWAY = Counter(
    "slipstream_requests_turned_away_total",
    "Requests not let in (no key, too many, too much at once), by problem code",
    ["code"],
)
API_KEYS_BROKEN = Gauge(
    "slipstream_api_keys_file_broken",
    "1 while the file of API keys cannot be used, and the old keys stay; else 0",
)
RATES_SKIPPED = Counter(
    "slipstream_rate_limits_skipped_total", "Rate limits not checked because Redis was away"
)
INTAKE_CLOSED = Gauge(
    "slipstream_intake_closed",
    "1 while orders are refused because too many wait, or Redis is too full",
    ["of"],
)
HTTP_SECONDS = Histogram(
    "slipstream_http_request_duration_seconds",
    "Time from a request's headers to its answer, by route and status",
    ["method", "route", "status"],
    buckets=_ANSWER_SECONDS,
)
EVENTS = Counter("slipstream_events_total", "Events appended to the log, by type", ["type"])
STEP_SECONDS = Histogram(
    "slipstream_step_duration_seconds",
    "Time from taking an event up to deciding what follows",
    ["group", "type"],
    buckets=_SECONDS,
)
ORDER_SECONDS = Histogram(
    "slipstream_order_latency_seconds",
    "Time from accepting an order to its end, by how it ended",
    ["status"],
    buckets=_ORDER_SECONDS,
)
ORDERS_ENDED = Counter(
    "slipstream_orders_ended_total",
    "Orders that ended, by status, venue, and for failed ones by reason",
    ["status", "venue", "reason"],
)
HOP_SECONDS = Histogram(
    "slipstream_hop_latency_seconds",
    "Time from the event before to this one, by its type, in the queue and at work; an order's "
    "hops add up to its latency",
    ["type"],
    buckets=_HOP_SECONDS,
)
RETRIES = Counter(
    "slipstream_retries_total", "Steps that failed and will be tried again", ["group"]
)
WAITS = Counter(
    "slipstream_waits_total", "Steps put off because a server was away", ["group", "server"]
)
GIVE_UPS = Counter("slipstream_give_ups_total", "Steps given up after every attempt", ["group"])
DEAD_LETTERS = Counter("slipstream_dead_letters_total", "Entries nobody could process", ["group"])
SETTLED = Counter(
    "slipstream_settled_total",
    "Steps settled, by outcome; `missing` alarms",
    ["group", "outcome"],
)
SETTLE_BATCH = Histogram(
    "slipstream_append_batch_size", "Appends sent to Redis together", ["group"], buckets=_SIZES
)
APPEND_SECONDS = Histogram(
    "slipstream_append_duration_seconds",
    "Time one batch of appends took: Redis's disk above all, and waiting for Redis to come back",
    ["group"],
    buckets=_SECONDS,
)
LEASES_LOST = Counter(
    "slipstream_leases_lost_total",
    "Entries that another replica took over, after a pause longer than `LEASE_MS`",
    ["group"],
)
TAKEN_OVER = Counter(
    "slipstream_taken_over_total", "Entries taken up again, by cause", ["group", "why"]
)
IN_FLIGHT = Gauge(
    "slipstream_in_flight", "Entries that this replica holds, by their use", ["group", "for"]
)
LAG = Gauge(
    "slipstream_lag_entries",
    "Entries a group has not been given yet; absent if Redis cannot tell",
    ["group", "partition"],
)
OLDEST_UNDELIVERED = Gauge(
    "slipstream_oldest_undelivered_age_seconds",
    "Age of the oldest entry that the group has not been given yet",
    ["group", "partition"],
)
PENDING = Gauge(
    "slipstream_pending_entries",
    "Entries given out and not settled: in flight, or waiting to be tried again",
    ["group", "partition", "state"],
)
OLDEST_PENDING = Gauge(
    "slipstream_oldest_pending_age_seconds",
    "Age of the oldest entry given out and not settled",
    ["group", "partition"],
)
PARKED = Gauge(
    "slipstream_parked_orders",
    "Orders parked until due: unresolved, or ended and looked back at",
    ["group", "partition"],
)
UNRESOLVED = Counter(
    "slipstream_unresolved_total", "Orders the chain gave no answer about in time", ["venue"]
)
LOOKED_AT = Counter(
    "slipstream_reconcile_looked_at_total", "Histories looked at for orders that nobody holds"
)
RECONCILED = Counter(
    "slipstream_reconciled_total",
    "Orders that nobody held, put back on their way, by remedy; 0 in health",
    ["why"],
)
IRRECONCILABLE = Counter(
    "slipstream_irreconcilable_total",
    "Times an order that nobody held was left alone, because going on might be wrong",
)
CONTRADICTIONS = Counter(
    "slipstream_contradictions_total",
    "Ends of orders that the chain contradicts: swaps that landed all the same, or confirmed ones "
    "that a fork took back",
    ["kind"],
)
RESENDS = Counter(
    "slipstream_resends_total",
    "Transactions sent again while the chain was silent; many if the chain drops them",
    ["venue"],
)
RPC_REQUESTS = Counter(
    "slipstream_rpc_requests_total",
    "Requests to the chain's nodes over JSON-RPC; one holds many calls",
)
VENUE_SECONDS = Histogram(
    "slipstream_venue_call_duration_seconds",
    "Time of calls to venues, by call and outcome",
    ["venue", "call", "outcome"],
    buckets=_SECONDS,
)
VENUE_STATE = Gauge(
    "slipstream_venue_passed_over",
    "1 while a router passes a venue over because it fails or hangs, 0.5 while it is tried again",
    ["venue"],
)
VENUE_REALISED = Histogram(
    "slipstream_venue_realised_ratio",
    "The amount that landed swaps paid, by the one that was quoted: 1 is to the atom",
    ["venue"],
    buckets=_RATIOS,
)
VENUE_LANDING = Histogram(
    "slipstream_venue_landing_seconds",
    "Time from the signature of a swap to its confirmation",
    ["venue"],
    buckets=_ORDER_SECONDS,
)
VENUE_LOST = Counter(
    "slipstream_venue_routes_lost_total",
    "Routes that came to nothing after their venue had won them, by reason",
    ["venue", "reason"],
)
VENUE_DISCOUNT = Gauge(
    "slipstream_venue_discount_ratio",
    "By how much a venue's quotes count for less, because of its record",
    ["venue"],
)
VENUE_HTTP_SECONDS = Histogram(
    "slipstream_venue_http_duration_seconds",
    "Time of requests to venues behind HTTP, by what came of them",
    ["venue", "outcome"],
    buckets=_SECONDS,
)
CHAIN_INFO = Gauge(
    "slipstream_chain_info", "1: the labels say on which chain orders settle", ["chain", "money"]
)
RPC_SECONDS = Histogram(
    "slipstream_rpc_request_duration_seconds",
    "Time of requests to nodes of the chain, for each method in them and what came of it",
    ["node", "method", "outcome"],
    buckets=_SECONDS,
)
RPC_NODE_UP = Gauge(
    "slipstream_rpc_node_up",
    "1 if a node answered when it was last asked, every 10 s at least; else 0: it is passed over",
    ["node"],
)
RPC_NODE_ALIEN = Gauge(
    "slipstream_rpc_node_of_another_chain", "1 while a node is of another chain than ours", ["node"]
)
RPC_NODE_SLOT = Gauge(
    "slipstream_rpc_node_slot",
    "Newest slot of a node, at a commitment; finality lags by the difference of the two",
    ["node", "commitment"],
)
FUNDS_MISSING = Counter(
    "slipstream_funds_missing_total",
    "Swaps not signed because their wallet had too little, by what it had too little of",
    ["wallet", "token"],
)
WALLET_SOL = Gauge(
    "slipstream_wallet_sol", "SOL that a wallet holds, for fees and deposits too", ["wallet"]
)
PRICE_SPREAD = Histogram(
    "slipstream_venue_price_spread_ratio",
    "How far the worst quote's net amount out lies below the best one's",
    buckets=_SPREADS,
)
ROUTES_WON = Counter("slipstream_routes_won_total", "Routes chosen, by venue", ["venue"])
REDIS_AWAY = Counter("slipstream_redis_away_total", "Times Redis was found to be away")
REDIS_REFUSED = Counter(
    "slipstream_redis_refused_total",
    "Commands that Redis refused for now: a right is missing, it is full, no primary ...",
)
CLOCK_STEPS = Counter(
    "slipstream_redis_clock_steps_back_total",
    "Times the clock of Redis was found to have gone back",
)
COPIES_MISSED = Counter(
    "slipstream_replica_acks_missed_total",
    "Times fewer replicas than `REPLICAS_ACK` had a write within `REPLICAS_ACK_MS`; its followers "
    "and its next step wait",
)
GROUPS_MISSING = Counter(
    "slipstream_groups_missing_total", "Times a consumer group was gone and made anew", ["group"]
)
PUBLISHED = Counter("slipstream_updates_published_total", "Updates sent to followers' channels")
SOCKETS = Gauge("slipstream_sockets", "Open WebSocket connections")
STREAMS = Gauge("slipstream_event_streams", "Open streams of server-sent events")
RESUMES = Counter("slipstream_socket_resumes_total", "Followers that came back with `since`")
SLOW_CLIENTS = Counter("slipstream_slow_clients_total", "Sockets closed because nobody read them")
HEALED = Counter(
    "slipstream_healed_total", "Updates missed live and read from the history, by cause", ["why"]
)
STREAM_FOLLOWERS = Gauge(
    "slipstream_stream_followers", "Clients that follow an account's orders on this gateway"
)
STREAM_RESUMES = Counter(
    "slipstream_stream_resumes_total", "Followers of accounts that came back with a cursor"
)
STREAM_LOSSES = Counter(
    "slipstream_stream_losses_total", "Times a follower of an account was told of lost history"
)
PROJECTED = Counter("slipstream_projected_events_total", "Events stored in PostgreSQL")
PROJECTION_STALENESS = Histogram(
    "slipstream_projection_staleness_seconds",
    "Age of a batch's oldest event when it is in PostgreSQL",
    buckets=_SECONDS,
)
PROJECTION_BATCH = Histogram(
    "slipstream_projection_batch_size", "Events stored in one transaction", buckets=_SIZES
)
PROJECTION_SECONDS = Histogram(
    "slipstream_projection_duration_seconds",
    "Time one batch took to be stored in PostgreSQL",
    buckets=_SECONDS,
)
PROJECTION_HELD = Counter(
    "slipstream_projection_held_total", "Events PostgreSQL would not store; retried until it does"
)
TRIMMED = Counter("slipstream_trimmed_entries_total", "Entries dropped from the log")
LOG_ENTRIES = Gauge("slipstream_log_entries", "Entries the log holds", ["partition"])
DEAD_LETTERS_KEPT = Gauge(
    "slipstream_dead_letters_kept", "Dead letters that wait for somebody to decide", ["partition"]
)
ORDERS_HALTED = Gauge(
    "slipstream_halted_orders",
    "Orders left alone because an event of theirs contradicts the archive",
    ["partition"],
)
LOG_BEHIND = Gauge(
    "slipstream_log_behind_partitions",
    "Partitions of which Redis lost acknowledged writes: nothing is begun meanwhile",
)
SERVER_UP = Gauge(
    "slipstream_server_up", "1 if a server answered the last look, every 5 s; else 0", ["server"]
)
SERVER_SECONDS = Histogram(
    "slipstream_server_ping_duration_seconds",
    "Time a server took to answer such a look",
    ["server"],
    buckets=_SECONDS,
)
REDIS_MEMORY = Gauge(
    "slipstream_redis_memory_used_ratio",
    "How full the fullest Redis is: a part of `maxmemory` or else of its machine's memory",
)
REDIS_DURABLE = Gauge(
    "slipstream_redis_append_only", "1 if every Redis writes an append-only file without an error"
)
REDIS_EVICTED = Gauge(
    "slipstream_redis_evicted_keys", "Keys Redis has thrown away for lack of memory: lost data"
)
POSTGRES_CONNECTIONS = Gauge(
    "slipstream_postgres_connections",
    "Connections of this process to PostgreSQL, and requests that wait for one",
    ["state"],
)
LOOP_DELAY = Histogram(
    "slipstream_event_loop_delay_seconds",
    "How late a process comes to its work: it has too much to do, or too little CPU",
    buckets=_SECONDS,
)
SPANS_EXPORTED = Counter("slipstream_spans_exported_total", "Spans that the collector took")
SPANS_DROPPED = Counter(
    "slipstream_spans_dropped_total",
    "Spans lost on the way to the collector, by cause; orders do not notice",
    ["why"],
)

# The values that each label can have.
LABELS = {
    "call": "`quote`, `build`, `send`, `status` or `search`",
    "chain": "`simulated`, `devchain`, `devnet` or `mainnet`",
    "code": "the problem's code, as in the API",
    "commitment": "`confirmed` or `finalized`",
    "for": "`work`, or `chain`: waiting for the chain's answer, which takes no slot",
    "group": "`router`, `executor`, `notifier` or `projector`; `gateway` for its appends",
    "kind": "`landed`, `rolledBack` or `landedAnew`",
    "method": "the request's method; of a node, as Solana's JSON-RPC names it",
    "money": "`real` or `play`",
    "node": "host and port of a URL in `RPC_URLS`, without the rest, which may hold a key",
    "of": "`backlog` or `memory`",
    "outcome": "a call: `ok`, `rejected`, `gone` (the price has moved), `failed` "
    "(a venue did not build what it had quoted), `no_funds`, "
    "`firewall_refused`, `unavailable`, `unreachable`, `too_slow` or `error`; "
    "a request to a node, or to a venue behind HTTP: `ok`, `refused`, `throttled`, `unwell`, "
    "`unreachable`, `too_slow`, or `held_back` (not made: the venue's rate was used up); "
    "a step: `ok`, `moved` (another replica was first, and this one was fenced off), `archived` "
    "(the order has ended and left Redis), `halted` (a person has to settle the order first) or "
    "`missing` (the order's history is nowhere)",
    "partition": "`00` up to `PARTITIONS`",
    "reason": "a failed order's, as in [events](events.md#why-an-order-failed), or `none`; a lost "
    "route's: `gone` (the price had moved), `failed` (not built), `expired` (dropped), or that of "
    "its order",
    "route": "the address's pattern, or `none`",
    "server": "`redis` or `postgres`; for steps put off, the error's name",
    "state": "entries: `in_flight` or `retry`; connections: `in_use`, `idle` or `waited_for`",
    "status": "an order: `confirmed`, `failed`, `cancelled` or `expired`; HTTP: the code",
    "token": "a symbol in `TOKENS_FILE`",
    "type": "the event's type, as in [events](events.md)",
    "venue": "a name in `VENUES`, `split`, or `none`",
    "wallet": "a name in `WALLETS_FILE`",
    "why": "entries taken up: `retry or lapsed lease` or `due`; orders put back: `given to` a "
    "group again, or `restored` from PostgreSQL; updates: `jump` (in versions), `link` (lost), "
    "`check` (of every followed order) or `unreadable`; spans: `queue_full` (more than 4,096 "
    "waited), `refused` (the collector was away, or said no) or `shutdown` (not sent in time)",
}
# Every replica that knows them says the same: take the maximum, not the sum.
SAME_EVERYWHERE = (
    *(LAG, OLDEST_UNDELIVERED, PENDING, OLDEST_PENDING, PARKED),
    *(LOG_ENTRIES, DEAD_LETTERS_KEPT, ORDERS_HALTED, LOG_BEHIND),
    *(REDIS_MEMORY, REDIS_DURABLE, REDIS_EVICTED, WALLET_SOL, VENUE_DISCOUNT),
)

_M = TypeVar("_M", Counter, Gauge)
_CHILDREN: dict[tuple[object, ...], Counter | Gauge | Series] = {}


@overload
def series(metric: Histogram, *labels: str) -> Series: ...
@overload
def series(metric: _M, *labels: str) -> _M: ...
def series(metric: Counter | Gauge | Histogram, *labels: str) -> Counter | Gauge | Series:
    """Return the series of a metric with these labels, looked up once: `labels` takes a lock.

    Not for a metric whose series are removed.
    """
    key = (metric, *labels)
    found = _CHILDREN.get(key)
    if found is None:
        found = _CHILDREN[key] = metric.labels(*labels)
    return found


def start_at_zero(group: str) -> None:
    """Show the series of what must never happen in a group from the start.

    Prometheus's `rate()` misses the first increment of a new series.
    """
    for outcome in ("ok", "moved", "archived", "halted", "missing"):
        series(SETTLED, group, outcome)
    for metric in (RETRIES, GIVE_UPS, DEAD_LETTERS, LEASES_LOST, GROUPS_MISSING):
        series(metric, group)
