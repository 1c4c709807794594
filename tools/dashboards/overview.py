"""The dashboard to leave on a wall: is it well, and how much is going on."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Row

from tools.dashboards.panels import graph, number, page, per_second, quantile, quantiles, written

_LATENCY = "slipstream_order_latency_seconds"
_CONFIRMED = 'status="confirmed"'
_LATENCY_P99 = "slipstream:order_latency_seconds:p99_5m"


def overview() -> str:
    """Return the dashboard's file."""
    board = page("slipstream-overview", "Slipstream: overview", "Is it well, and how busy is it")
    board.with_row(Row("Now"))
    for panel in (
        number("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', limit=1),
        number("Accepted", "slipstream:orders_accepted:rate1m", unit="reqps"),
        number("Ended", "sum(status:slipstream_orders_ended:rate1m) or vector(0)", unit="reqps"),
        number(
            "Failed",
            "slipstream:orders_failed:ratio_rate5m >= 0 or vector(0)",
            unit="percentunit",
            limit=0.2,
            says="As a part of all ended orders; the client's slippage tolerance does not count",
        ),
        number("Confirmed, p99", f"{_LATENCY_P99} >= 0", unit="s", limit=30),
        number(
            "Waits longest",
            "max(group:slipstream_oldest_undelivered_age_seconds:max)",
            unit="s",
            limit=60,
            says="Age of the oldest entry that its group was not given",
        ),
    ):
        board.with_panel(panel)
    board.with_row(Row("Orders"))
    for chart in (
        graph(
            "Orders a second",
            (per_second("slipstream_orders_accepted_total"), "accepted"),
            (per_second("slipstream_orders_ended_total", "status"), "{{status}}"),
            unit="reqps",
        ),
        graph(
            "Ends by venue and reason",
            (
                per_second("slipstream_orders_ended_total", "status, venue, reason"),
                "{{status}} {{venue}} {{reason}}",
            ),
            unit="reqps",
            stacked=True,
        ),
        graph(
            "Accepted to confirmed",
            *quantiles(_LATENCY, where=_CONFIRMED),
            (quantile(0.9, _LATENCY, where=_CONFIRMED), "p90"),
            unit="s",
            limit=30,
        ),
        graph(
            "Time of each hop, p90",
            (quantile(0.9, "slipstream_hop_latency_seconds", by="type"), "{{type}}"),
            unit="s",
            says="From the event before to this one: in the queue and at work",
        ),
        graph(
            "Venues' answers, p90",
            (
                quantile(0.9, "slipstream_venue_call_duration_seconds", by="venue, call"),
                "{{venue}} {{call}}",
            ),
            unit="s",
        ),
        graph(
            "POST to 202",
            *quantiles(
                "slipstream_http_request_duration_seconds",
                where='method="POST", route=~"/api/orders/.*"',
            ),
            unit="s",
            limit=0.5,
        ),
    ):
        board.with_panel(chart)
    board.with_row(Row("Backlog"))
    for chart in (
        graph("Not given out", ("group:slipstream_lag_entries:sum", "{{group}}")),
        graph(
            "Given out and not settled",
            ("group_state:slipstream_pending_entries:sum", "{{group}} {{state}}"),
            ("group:slipstream_parked_orders:sum", "{{group}} parked"),
        ),
        graph(
            "Oldest of them",
            ("group:slipstream_oldest_undelivered_age_seconds:max", "{{group}} not given out"),
            ("group:slipstream_oldest_pending_age_seconds:max", "{{group}} not settled"),
            unit="s",
        ),
    ):
        board.with_panel(chart)
    board.with_row(Row("Errors"))
    for chart in (
        graph(
            "Refused",
            (per_second("slipstream_orders_refused_total", "code"), "{{code}}"),
            (per_second("slipstream_requests_turned_away_total", "code"), "{{code}}"),
            ("max by (of) (slipstream_intake_closed)", "closed by {{of}}"),
            unit="reqps",
        ),
        graph(
            "Steps that failed",
            (per_second("slipstream_retries_total", "group"), "{{group}} tried again"),
            (per_second("slipstream_give_ups_total", "group"), "{{group}} given up"),
            (per_second("slipstream_waits_total", "server"), "waits for {{server}}"),
        ),
        graph(
            "Venues that failed",
            (
                per_second(
                    "slipstream_venue_call_duration_seconds_count",
                    "venue, outcome",
                    'outcome!="ok"',
                ),
                "{{venue}} {{outcome}}",
            ),
        ),
        graph("Servers answer", ("min by (server) (slipstream_server_up)", "{{server}}")),
        graph(
            "Redis is full to",
            ("max(slipstream_redis_memory_used_ratio)", "memory"),
            unit="percentunit",
            limit=0.7,
        ),
        graph(
            "Wants a person",
            ("slipstream:dead_letters_kept:sum", "dead letters"),
            ("slipstream:halted_orders:sum", "halted orders"),
            ("sum(increase(slipstream_unresolved_total[1h]))", "unresolved in 1 h"),
            ("sum by (kind) (increase(slipstream_contradictions_total[1h]))", "{{kind}} in 1 h"),
            ("sum(increase(slipstream_irreconcilable_total[1h]))", "irreconcilable in 1 h"),
        ),
    ):
        board.with_panel(chart)
    return written(board)
