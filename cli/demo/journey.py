"""What the client of one order saw."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.orders.states import END_STATUSES
from slipstream import Event


@dataclass(slots=True, kw_only=True)
class Journey:
    """One order, from its POST to its end. Times are seconds of the client's own clock."""

    posted_at: float
    order_id: str = ""
    accepted_at: float | None = None
    ended_at: float | None = None
    updates: list[Event] = field(default_factory=list)
    problem: str = ""

    @property
    def status(self) -> str:
        """Return how the client knows the order to stand."""
        if self.updates:
            return self.updates[-1].status
        return "accepted" if self.order_id else "refused" if self.problem else "posted"

    @property
    def ended(self) -> bool:
        """Return whether the client saw the end."""
        return self.status in END_STATUSES

    @property
    def end(self) -> Event | None:
        """Return the event that ended the order."""
        return self.updates[-1] if self.ended else None
