"""What an append tells the metrics about orders, once it is on the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from shared.observability import metrics
from shared.observability.histogram import Series
from shared.orders.dispatch import ENDS
from shared.orders.events import OrderEvent, OrderFailed, OrderRouted
from shared.orders.ids import made_at
from shared.orders.values import Quote
from shared.orders.view import status_after

_NONE = "none"


def count_appended(appended: Iterable[tuple[OrderEvent, Sequence[OrderEvent]]]) -> None:
    """Count events that were appended to histories, each order's behind the event it had before."""
    kinds: Counter[type[OrderEvent]] = Counter()
    for first, events in appended:
        before = first
        for event in events:
            kind = type(event)
            kinds[kind] += 1
            _hop_seconds(kind).observe(max(0.0, (event.at - before.at).total_seconds()))
            if isinstance(event, ENDS):
                _count_end(before, event)
            before = event
    for kind, count in kinds.items():
        metrics.series(metrics.EVENTS, kind.__name__).inc(count)


def _count_end(before: OrderEvent, event: OrderEvent) -> None:
    status = status_after(event)
    venue = venue_of(event) or venue_of(before) or _NONE
    reason = event.reason if isinstance(event, OrderFailed) else _NONE
    metrics.series(metrics.ORDERS_ENDED, status, venue, reason).inc()
    took_s = event.at.timestamp() - made_at(event.order_id)
    metrics.series(metrics.ORDER_SECONDS, status).observe(took_s)


@cache
def _hop_seconds(kind: type[OrderEvent]) -> Series:
    return metrics.series(metrics.HOP_SECONDS, kind.__name__)


def venue_of(event: OrderEvent) -> str:
    """Return the venue that an event is about, or ``""`` for none."""
    if isinstance(event, OrderRouted):
        return event.route.venue
    return getattr(event, "venue", "")


def measure_spread(quotes: Sequence[Quote]) -> None:
    """Note how far quotes for the same intent lie apart; nothing for a single one."""
    paid = [float(quote.net_out) for quote in quotes]
    if len(paid) > 1 and (best := max(paid)) > 0:
        metrics.PRICE_SPREAD.observe((best - min(paid)) / best)
