"""The metrics as a set: names, units and labels keep to Prometheus's conventions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import REGISTRY, Counter, Gauge

from shared.observability import metrics
from shared.observability.histogram import Histogram
from shared.observability.order_metrics import count_appended, measure_spread
from shared.orders.events import OrderEvent, OrderFailed, OutcomeContradicted
from shared.orders.states import State
from shared.orders.values import FailureReason
from tests.support.builders import a_quote, history
from tools.metrics_page import every_metric, exposed_name, labels_of

_EVERY = [pytest.param(metric, id=exposed_name(metric)) for metric in every_metric()]
# Whatever there is one of for each order, client or account.
_UNBOUNDED = {"order", "order_id", "account", "client", "signature", "id", "instance"}


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("metric", _EVERY)
def test_a_metric_is_named_as_prometheus_would(metric: Counter | Gauge | Histogram) -> None:
    name = exposed_name(metric)

    assert re.fullmatch(r"slipstream(_[a-z]+)+", name)
    assert name.endswith("_total") == isinstance(metric, Counter)
    assert not re.search(r"_(ms|milliseconds|minutes|percent|bps|kb|mb)(_|$)", name)


@pytest.mark.parametrize("metric", _EVERY)
def test_what_a_label_can_say_is_written_down_and_bounded(
    metric: Counter | Gauge | Histogram,
) -> None:
    assert set(labels_of(metric)) <= metrics.LABELS.keys()
    assert not set(labels_of(metric)) & _UNBOUNDED


def test_every_label_that_is_written_down_is_used() -> None:
    used = {label for metric in every_metric() for label in labels_of(metric)}

    assert used == metrics.LABELS.keys()


SENT = history(ending="sent")[-1]
FAILED_ON_CHAIN = OrderFailed(
    **SENT.next(SENT.at), reason=FailureReason.SLIPPAGE_EXCEEDED, detail="too little", attempts=1
)


@pytest.mark.parametrize(
    ("ending", "labels"),
    [
        (history()[-2:], {"status": "confirmed", "venue": "raydium", "reason": "none"}),
        (
            history(ending="failed")[-2:],
            {"status": "failed", "venue": "none", "reason": "NO_ROUTE"},
        ),
        (
            [SENT, FAILED_ON_CHAIN],
            {"status": "failed", "venue": "raydium", "reason": "SLIPPAGE_EXCEEDED"},
        ),
    ],
)
def test_an_end_is_counted_by_status_venue_and_reason(
    ending: list[OrderEvent], labels: dict[str, str]
) -> None:
    before = value("slipstream_orders_ended_total", **labels)

    count_appended([(ending[0], ending[1:])])

    assert value("slipstream_orders_ended_total", **labels) == before + 1


def test_what_contradicts_an_end_is_no_second_end() -> None:
    events = history()
    contradicted = OutcomeContradicted(
        **events[-1].next(events[-1].at), state=State.CONFIRMED, signature="5sig", detail="landed"
    )
    before = value("slipstream_order_latency_seconds_count", status="confirmed")

    count_appended([(events[-1], [contradicted])])

    assert value("slipstream_order_latency_seconds_count", status="confirmed") == before


def test_a_hop_is_the_time_from_one_event_to_the_next() -> None:
    events = history()
    late = msgspec.structs.replace(events[1], at=events[0].at + timedelta(seconds=7))
    before = value("slipstream_hop_latency_seconds_sum", type="RoutingStarted")

    count_appended([(events[0], [late])])

    after = value("slipstream_hop_latency_seconds_sum", type="RoutingStarted")
    assert after - before == pytest.approx(7)


@pytest.mark.parametrize(("paid", "spread"), [(["200", "190", "195"], 0.05), (["200"], None)])
def test_the_spread_is_how_far_the_worst_quote_lies_below_the_best(
    paid: Sequence[str], spread: float | None
) -> None:
    before = value("slipstream_venue_price_spread_ratio_sum")
    count = value("slipstream_venue_price_spread_ratio_count")

    measure_spread([a_quote(amount_out=amount, fee="0") for amount in paid])

    seen = value("slipstream_venue_price_spread_ratio_count") - count
    assert seen == (0 if spread is None else 1)
    added = value("slipstream_venue_price_spread_ratio_sum") - before
    assert added == pytest.approx(spread or 0)
