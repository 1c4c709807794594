"""What a consumer is handed."""

from __future__ import annotations

from dataclasses import dataclass

from shared.orders.codec import decode
from shared.orders.events import OrderEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event, and how it came.

    `entry_id` is its place in the partition's stream. A parked order that fell due has none
    (``""``); it brings the last event of its history.
    """

    partition: int
    entry_id: str
    type: str
    order_id: str
    raw: bytes
    attempt: int  # 1 at the first delivery, as Redis counts them.
    for_others: bool = False  # Replayed to another group: to be passed by.

    @property
    def place(self) -> tuple[int, str]:
        """Return what tells this delivery from every other one that is held."""
        return self.partition, self.entry_id or self.order_id

    def event(self) -> OrderEvent:
        """Return the event. Raises `MalformedEvent`."""
        return decode(self.raw)
