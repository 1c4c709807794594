"""What became of routes, held against what was quoted: noted in passing, by the executor."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from shared.observability import metrics
from shared.orders.events import (
    OrderConfirmed,
    OrderEvent,
    OrderFailed,
    OrderRouted,
    RouteExpired,
    TransactionExpired,
    TransactionSigned,
)
from shared.venues.health.tally import LANDED, LANDING_MS, LOST, RATIO, WEIGHTS, Tally

_REMEMBERED: Final = 50_000
_MOST_RATIO: Final = 2.0  # A receipt of more is told in full, and no more of it makes up for less.


class _Promise(NamedTuple):
    venue: str
    quoted: Decimal
    signed_at: datetime


class Outcomes:
    """Remembers what was promised to orders that this replica has signed, and no others."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._promises: OrderedDict[str, _Promise] = OrderedDict()

    def note(self, event: OrderEvent, following: Sequence[OrderEvent]) -> None:
        """Note what follows an event."""
        for after in following:
            match after:
                case TransactionSigned() if isinstance(event, OrderRouted):
                    self._promised(event, after.at)
                case OrderConfirmed():
                    self._landed(after)
                case RouteExpired() if after.why:
                    self._lost(after.venue, "failed" if after.failed else "gone")
                case OrderFailed() if after.reason in WEIGHTS:
                    self._failed(event, after)
                case TransactionExpired():
                    if promise := self._promises.pop(after.order_id, None):
                        self._lost(promise.venue, "expired")
                case _:
                    pass

    def _promised(self, routed: OrderRouted, at: datetime) -> None:
        if len(self._promises) >= _REMEMBERED:
            self._promises.popitem(last=False)
        quote = routed.route.quote
        self._promises[routed.order_id] = _Promise(quote.venue, quote.amount_out, at)

    def _landed(self, confirmed: OrderConfirmed) -> None:
        promise = self._promises.pop(confirmed.order_id, None)
        if promise is None or promise.venue != confirmed.venue or not promise.quoted:
            return
        ratio = float(confirmed.receipt.amount_out / promise.quoted)
        seconds = max(0.0, (confirmed.at - promise.signed_at).total_seconds())
        self._tally.add(promise.venue, LANDED)
        self._tally.add(promise.venue, RATIO, min(ratio, _MOST_RATIO))
        self._tally.add(promise.venue, LANDING_MS, 1_000 * seconds)
        metrics.series(metrics.VENUE_REALISED, promise.venue).observe(ratio)
        metrics.series(metrics.VENUE_LANDING, promise.venue).observe(seconds)

    def _failed(self, event: OrderEvent, failed: OrderFailed) -> None:
        promise = self._promises.pop(failed.order_id, None)
        if promise is not None:
            self._lost(promise.venue, failed.reason)
        elif isinstance(event, OrderRouted):
            self._lost(event.route.venue, failed.reason)

    def _lost(self, venue: str, reason: str) -> None:
        self._tally.add(venue, f"{LOST}{reason}")
        metrics.series(metrics.VENUE_LOST, venue, reason).inc()
