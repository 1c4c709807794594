"""Every metric, in one place, so that the set can be read as a set.

Labels are bounded: partitions, groups, event types, venues, reasons; never an order or account.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# They double what is scraped, and only say when this process began.
disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus_client's own lack

# Sub-millisecond steps to slow chains.
_SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)

ORDERS_ACCEPTED = Counter("slipstream_orders_accepted_total", "Orders answered with 202")
ORDERS_REFUSED = Counter(
    "slipstream_orders_refused_total", "Orders not taken, by problem code", ["code"]
)
TURNED_AWAY = Counter(
    "slipstream_requests_turned_away_total",
    "Requests that were not let in (who, how many, how much at once), by problem code",
    ["code"],
)
API_KEYS_BROKEN = Gauge(
    "slipstream_api_keys_file_broken", "1 while the file of API keys cannot be used, else 0"
)
RATES_SKIPPED = Counter(
    "slipstream_rate_limits_skipped_total", "Rate limits not looked at because Redis was away"
)
INTAKE_CLOSED = Gauge(
    "slipstream_intake_closed",
    "Whether orders are refused because there is too much, of what",
    ["of"],
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
    buckets=_SECONDS,
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
    "Steps settled: ok, moved (somebody was first) or missing (history is not there)",
    ["group", "outcome"],
)
SETTLE_BATCH = Histogram(
    "slipstream_append_batch_size", "Appends sent to Redis together", ["group"], buckets=_SIZES
)
TAKEN_OVER = Counter(
    "slipstream_taken_over_total", "Entries taken up again, by why", ["group", "why"]
)
IN_FLIGHT = Gauge(
    "slipstream_in_flight", "Entries this replica works on, by what it waits for", ["group", "for"]
)
LAG = Gauge(
    "slipstream_lag_entries", "Entries a group has not been given yet", ["group", "partition"]
)
PENDING = Gauge(
    "slipstream_pending_entries", "Entries given out and not settled", ["group", "partition"]
)
OLDEST_PENDING = Gauge(
    "slipstream_oldest_pending_age_seconds",
    "Age of the oldest entry given out and not settled",
    ["group", "partition"],
)
PARKED = Gauge("slipstream_parked_orders", "Orders parked until due", ["group", "partition"])
UNRESOLVED = Counter(
    "slipstream_unresolved_total", "Orders the chain gave no answer about in time", ["venue"]
)
LOOKED_AT = Counter(
    "slipstream_reconcile_looked_at_total", "Histories looked at for orders that nobody holds"
)
RECONCILED = Counter(
    "slipstream_reconciled_total", "Orders that nobody held, put back on their way, by why", ["why"]
)
IRRECONCILABLE = Counter(
    "slipstream_irreconcilable_total",
    "Times an order that nobody held was left alone, because going on might be wrong",
)
CONTRADICTIONS = Counter(
    "slipstream_contradictions_total",
    "Swaps found on the chain although their order ended without them",
)
RESENDS = Counter(
    "slipstream_resends_total", "Transactions sent again while the chain was silent", ["venue"]
)
QUOTE_SECONDS = Histogram(
    "slipstream_quote_duration_seconds", "Time a venue took to quote", ["venue"], buckets=_SECONDS
)
QUOTES = Counter(
    "slipstream_quotes_total", "Quotes asked, by venue and what came of it", ["venue", "outcome"]
)
ROUTES_WON = Counter("slipstream_routes_won_total", "Routes chosen, by venue", ["venue"])
REDIS_AWAY = Counter("slipstream_redis_away_total", "Times Redis was found to be away")
GROUPS_MISSING = Counter(
    "slipstream_groups_missing_total", "Times a consumer group was gone and made anew", ["group"]
)
PUBLISHED = Counter("slipstream_updates_published_total", "Updates sent to followers' channels")
SOCKETS = Gauge("slipstream_sockets", "Open WebSocket connections")
STREAMS = Gauge("slipstream_event_streams", "Open streams of server-sent events")
RESUMES = Counter("slipstream_socket_resumes_total", "Followers that came back with `since`")
SLOW_CLIENTS = Counter("slipstream_slow_clients_total", "Sockets closed because nobody read them")
HEALED = Counter(
    "slipstream_healed_total", "Updates missed live and read from the history, by why", ["why"]
)
PROJECTED = Counter("slipstream_projected_events_total", "Events stored in Postgres")
PROJECTION_STALENESS = Histogram(
    "slipstream_projection_staleness_seconds",
    "Age of an event when it is in Postgres",
    buckets=_SECONDS,
)
PROJECTION_BATCH = Histogram(
    "slipstream_projection_batch_size", "Events stored in one transaction", buckets=_SIZES
)
PROJECTION_HELD = Counter(
    "slipstream_projection_held_total", "Events Postgres would not store; retried until it does"
)
TRIMMED = Counter("slipstream_trimmed_entries_total", "Entries dropped from the log")
