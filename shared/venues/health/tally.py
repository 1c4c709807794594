"""Count in memory what venues do, to be added to what all replicas counted."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from shared.orders.values import FailureReason

# The times of quotes are counted up to each of these, in ms, and beyond.
BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)

QUOTED, REFUSED, FAILED, WON = "quoted", "refused", "quoteFailed", "won"
LANDED, RATIO, LANDING_MS = "landed", "ratio", "landingMs"
LOST: Final = "lost."  # And the reason.
WITHIN: Final = "within."  # And a bound.

# Routes that came to nothing by their venue's doing, and how many such each counts for.
WEIGHTS: Final[Mapping[str, float]] = {
    "gone": 1,  # The price had moved.
    "failed": 1,  # It was not built.
    FailureReason.SLIPPAGE_EXCEEDED: 1,
    FailureReason.FAILED_ON_CHAIN: 1,
    FailureReason.FIREWALL_REFUSED: 10,  # It would have done something else.
    FailureReason.VENUE_REJECTED: 0,  # As often as not for the account's sake.
    "expired": 0,  # The network dropped it.
}
_FIELDS: Final = (*(f"{WITHIN}{bound}" for bound in BOUNDS_MS), WITHIN)


class Tally:
    """Sums since they were taken last."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def __bool__(self) -> bool:
        return bool(self._sums)

    def add(self, venue: str, field: str, amount: float = 1.0) -> None:
        """Add to one sum."""
        self._sums[venue][field] += amount

    def timed(self, venue: str, field: str, spent_s: float) -> None:
        """Count a quote, and its time."""
        sums = self._sums[venue]
        sums[field] += 1
        sums[_FIELDS[bisect_left(BOUNDS_MS, 1_000 * spent_s)]] += 1

    def take(self) -> dict[str, float]:
        """Return all sums by venue and field, and begin anew."""
        taken, self._sums = self._sums, defaultdict(lambda: defaultdict(float))
        return {
            f"{venue}/{field}": amount
            for venue, sums in taken.items()
            for field, amount in sums.items()
        }

    def give_back(self, taken: Mapping[str, float]) -> None:
        """Add what was taken and could not be handed on."""
        for name, amount in taken.items():
            venue, _, field = name.rpartition("/")
            self.add(venue, field, amount)
