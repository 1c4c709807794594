"""What a load test has measured so far."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from slipstream import Refused, SlipstreamError


def _times() -> array[float]:
    return array("d")  # Eight bytes each: a million orders are no burden.


@dataclass(slots=True)
class Tally:
    """Counts, and times in milliseconds, from when each order was to be sent.

    `late_ms` is how much later than it could have been it was sent, which is left out of the other
    times. `answering_s` is how long it took from the start to the newest answer, in seconds.
    """

    sent: int = 0
    answering_s: float = 0.0
    under_way: int = 0
    late_ms: array[float] = field(default_factory=_times)
    answer_ms: array[float] = field(default_factory=_times)
    end_ms: array[float] = field(default_factory=_times)
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def fail(self, error: SlipstreamError | TimeoutError) -> None:
        """Count what kept an order from being placed, or followed to its end."""
        if isinstance(error, Refused):
            self.errors[error.code or f"HTTP {error.status}"] += 1
        elif isinstance(error, SlipstreamError):
            self.errors[type(error).__name__] += 1
        else:
            self.errors["no end in time"] += 1
