"""A row for each service, to find out which one it is."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable, Row
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import VariableRefresh

from tools.dashboards.panels import SOURCE, graph, page, per_second, quantile, quantiles, written

_CALLS = "slipstream_venue_call_duration_seconds"
_RPC = "slipstream_rpc_request_duration_seconds"


def services() -> str:
    """Return the dashboard's file."""
    board = page("slipstream-services", "Slipstream: services", "The work of each service")
    board.with_variable(_choice("job", "Service", "label_values(slipstream_sockets, job)"))
    board.with_variable(
        _choice("instance", "Replica", 'label_values(slipstream_sockets{job=~"$job"}, instance)')
    )
    _row(board, "Processes", _processes())
    _row(board, "Gateway", _gateway())
    _row(board, "Router", _router())
    _row(board, "Venues", _venues())
    _row(board, "Executor", _executor())
    _row(board, "Chain", _chain())
    _row(board, "Notifier and projector", _behind())
    _row(board, "Consumer groups", _groups())
    _row(board, "Redis and PostgreSQL", _servers())
    return written(board)


def _row(board: Dashboard, title: str, panels: Sequence[Panel]) -> None:
    board.with_row(Row(title))
    for panel in panels:
        board.with_panel(panel)


def _choice(name: str, label: str, query: str) -> QueryVariable:
    chosen = QueryVariable(name).label(label).query(query).datasource(SOURCE)
    chosen.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    return chosen.multi(True).include_all(True).all_value(".*")


def _processes() -> list[Panel]:
    chosen = 'job=~"$job", instance=~"$instance"'
    name = "{{job}} {{instance}}"
    return [
        graph("Scraped", (f"up{{{chosen}}}", name)),
        graph(
            "CPU",
            (f"rate(process_cpu_seconds_total{{{chosen}}}[$__rate_interval])", name),
            unit="percentunit",
            says="As a part of one core",
        ),
        graph("Memory", (f"process_resident_memory_bytes{{{chosen}}}", name), unit="bytes"),
        graph(
            "Event loop is late by, p90",
            (
                quantile(
                    0.9, "slipstream_event_loop_delay_seconds", by="job, instance", where=chosen
                ),
                name,
            ),
            unit="s",
            limit=0.25,
        ),
        graph("Open files", (f"process_open_fds{{{chosen}}}", name)),
        graph("Running for", (f"time() - process_start_time_seconds{{{chosen}}}", name), unit="s"),
    ]


def _gateway() -> list[Panel]:
    http = "slipstream_http_request_duration_seconds"
    return [
        graph(
            "Requests",
            (per_second(f"{http}_count", "method, route"), "{{method}} {{route}}"),
            unit="reqps",
        ),
        graph("Answers", (per_second(f"{http}_count", "status"), "{{status}}"), unit="reqps"),
        graph("Time to answer, p99", (quantile(0.99, http, by="route"), "{{route}}"), unit="s"),
        graph(
            "Followers",
            ("sum(slipstream_sockets)", "sockets"),
            ("sum(slipstream_event_streams)", "event streams"),
        ),
        graph(
            "Followers",
            (per_second("slipstream_socket_resumes_total"), "came back"),
            (per_second("slipstream_slow_clients_total"), "closed: did not read"),
            (per_second("slipstream_healed_total", "why"), "update missed: {{why}}"),
        ),
        graph(
            "Orders put on the log together",
            (_mean("slipstream_append_batch_size", where='group="gateway"'), "mean"),
        ),
    ]


def _router() -> list[Panel]:
    return [
        graph(
            "Quotes",
            (
                per_second(f"{_CALLS}_count", "venue, outcome", 'call="quote"'),
                "{{venue}} {{outcome}}",
            ),
        ),
        graph("Time to quote", *quantiles(_CALLS, "venue", 'call="quote"'), unit="s"),
        graph("Won", (per_second("slipstream_routes_won_total", "venue"), "{{venue}}")),
        graph(
            "Worst quote below the best",
            *quantiles("slipstream_venue_price_spread_ratio"),
            unit="percentunit",
        ),
        graph("Steps", *_steps("router"), unit="s"),
    ]


def _venues() -> list[Panel]:
    http, realised = "slipstream_venue_http_duration_seconds", "slipstream_venue_realised_ratio"
    return [
        graph(
            "Passed over",
            ("max by (venue) (slipstream_venue_passed_over)", "{{venue}}"),
            says="1: it failed or hung too often, by some router's word. Half: it is tried again",
        ),
        graph(
            "Paid by quoted, mean",
            (_mean(realised, "venue"), "{{venue}}"),
            says="1: landed swaps paid to the atom as quoted",
        ),
        graph(
            "Quotes count for less",
            ("max by (venue) (slipstream_venue_discount_ratio)", "{{venue}}"),
            unit="percentunit",
            says="By the record of what was paid, and of routes that were lost",
        ),
        graph(
            "Routes lost",
            (
                per_second("slipstream_venue_routes_lost_total", "venue, reason"),
                "{{venue}} {{reason}}",
            ),
        ),
        graph(
            "From signature to confirmation",
            *quantiles("slipstream_venue_landing_seconds", "venue"),
            unit="s",
        ),
        graph(
            "Requests over HTTP",
            (per_second(f"{http}_count", "venue, outcome"), "{{venue}} {{outcome}}"),
            unit="reqps",
            says="held_back: not made, because the venue's rate was used up",
        ),
    ]


def _executor() -> list[Panel]:
    others = 'call!="quote"'
    return [
        graph(
            "Venue calls",
            (
                per_second(f"{_CALLS}_count", "venue, call, outcome", others),
                "{{venue}} {{call}} {{outcome}}",
            ),
        ),
        graph(
            "Time of a call, p90",
            (quantile(0.9, _CALLS, by="venue, call", where=others), "{{venue}} {{call}}"),
            unit="s",
        ),
        graph("Held", ("sum by (for) (slipstream_in_flight{group='executor'})", "{{for}}")),
        graph("Steps", *_steps("executor"), unit="s"),
        graph(
            "The chain is silent",
            (per_second("slipstream_resends_total", "venue"), "{{venue}} sent again"),
            (per_second("slipstream_unresolved_total", "venue"), "{{venue}} unresolved"),
        ),
        graph(
            "Looked for orders that nobody holds",
            (per_second("slipstream_reconcile_looked_at_total"), "looked at"),
            (per_second("slipstream_reconciled_total", "why"), "{{why}}"),
        ),
    ]


def _chain() -> list[Panel]:
    slot = "max by (node) (slipstream_rpc_node_slot{{commitment='{}'}})"
    return [
        graph(
            "Orders settle on",
            ("count by (chain, money) (slipstream_chain_info)", "{{chain}}, {{money}} money"),
            says="How many processes say so; more than one chain is an error",
        ),
        graph(
            "Nodes answer",
            ("min by (node) (slipstream_rpc_node_up)", "{{node}}"),
            ("max by (node) (slipstream_rpc_node_of_another_chain)", "{{node}} of another chain"),
        ),
        graph(
            "Requests to nodes",
            (per_second(f"{_RPC}_count", "node, outcome"), "{{node}} {{outcome}}"),
            unit="reqps",
        ),
        graph("Time of a request, p90", (quantile(0.9, _RPC, by="method"), "{{method}}"), unit="s"),
        graph(
            "Slots behind",
            (f"scalar(max({slot.format('confirmed')})) - {slot.format('confirmed')}", "{{node}}"),
            (f"max({slot.format('confirmed')}) - max({slot.format('finalized')})", "finality"),
            limit=150,
        ),
        graph("SOL of wallets", ("max by (wallet) (slipstream_wallet_sol)", "{{wallet}}")),
        graph(
            "Not signed",
            (
                per_second("slipstream_funds_missing_total", "wallet, token"),
                "{{wallet}}: {{token}}",
            ),
            (
                per_second(f"{_CALLS}_count", "venue", 'outcome="firewall_refused"'),
                "{{venue}}: refused by the firewall",
            ),
        ),
    ]


def _behind() -> list[Panel]:
    return [
        graph("Updates published", (per_second("slipstream_updates_published_total"), "updates")),
        graph("Events stored", (per_second("slipstream_projected_events_total"), "events")),
        graph(
            "Age of an event when it is stored",
            *quantiles("slipstream_projection_staleness_seconds"),
            unit="s",
        ),
        graph(
            "Time to store a batch", *quantiles("slipstream_projection_duration_seconds"), unit="s"
        ),
        graph("Events stored together", (_mean("slipstream_projection_batch_size"), "mean")),
        graph(
            "The log",
            ("slipstream:log_entries:sum", "entries"),
            (per_second("slipstream_trimmed_entries_total"), "trimmed a second"),
        ),
    ]


def _groups() -> list[Panel]:
    return [
        graph(
            "Steps settled",
            (per_second("slipstream_settled_total", "group, outcome"), "{{group}} {{outcome}}"),
            says="moved: somebody was first, and this one was fenced off",
        ),
        graph(
            "Appends sent together", (_mean("slipstream_append_batch_size", "group"), "{{group}}")
        ),
        graph(
            "Time of an append, p99",
            (quantile(0.99, "slipstream_append_duration_seconds", by="group"), "{{group}}"),
            unit="s",
        ),
        graph(
            "Taken over",
            (per_second("slipstream_taken_over_total", "group, why"), "{{group}} {{why}}"),
            (per_second("slipstream_leases_lost_total", "group"), "{{group}} lost a lease"),
        ),
        graph(
            "Backlog by partition",
            (
                "max by (group, partition) (slipstream_oldest_undelivered_age_seconds)",
                "{{group}} {{partition}}",
            ),
            unit="s",
        ),
        graph("Dead letters", (per_second("slipstream_dead_letters_total", "group"), "{{group}}")),
    ]


def _servers() -> list[Panel]:
    return [
        graph(
            "Time to answer, p99",
            (
                quantile(0.99, "slipstream_server_ping_duration_seconds", by="server"),
                "{{server}}",
            ),
            unit="s",
        ),
        graph(
            "Redis",
            ("min(slipstream_redis_append_only)", "writes its file"),
            ("max(slipstream_redis_evicted_keys)", "keys thrown away"),
            (per_second("slipstream_redis_away_total"), "was away"),
        ),
        graph(
            "Connections to PostgreSQL",
            ("sum by (job, state) (slipstream_postgres_connections)", "{{job}} {{state}}"),
        ),
    ]


def _steps(group: str) -> list[tuple[str, str]]:
    where = f'group="{group}"'
    return [(quantile(0.9, "slipstream_step_duration_seconds", by="type", where=where), "{{type}}")]


def _mean(histogram: str, by: str = "", where: str = "") -> str:
    summed = f"sum by ({by})" if by else "sum"
    total = f"{summed} (rate({histogram}_sum{{{where}}}[$__rate_interval]))"
    return f"{total} / {summed} (rate({histogram}_count{{{where}}}[$__rate_interval]))"
