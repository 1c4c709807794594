"""What is put on the log behind an order's events, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from shared.orders.codec import encode
from shared.orders.dispatch import worker_for
from shared.orders.events import OrderEvent

Outcome: TypeAlias = Literal["ok", "moved", "missing", "halted"]


class Append(Struct, kw_only=True):
    """What one step wants on the log.

    The events follow version `expected` of the order, 1 or later. `entry_id`, when given, is the
    trigger to acknowledge in the same breath, unless whoever holds it means to `carry_on` from the
    last event; otherwise that goes to the group it gives work to. `park_ms` parks the order for so
    long, and where there are no events only if its turn was here; `unpark` takes it off.
    What cannot be written fails here, alone, and not in a batch with others.
    """

    order_id: str
    expected: int
    events: Sequence[OrderEvent] = ()
    entry_id: str = ""
    carry_on: bool = False
    park_ms: int | None = None
    unpark: bool = False
    # Not to be given. Type and JSON of each event, and who goes on from the last, if a group does.
    written: Sequence[str | bytes] = ()
    work_for: str = ""

    def __post_init__(self) -> None:
        if self.expected < 1:
            raise ValueError("an order is begun by a submission, and an append goes on with it")
        written: list[str | bytes] = []
        for event in self.events:
            written += (type(event).__name__, encode(event))
        self.written = written
        if self.events and not self.carry_on and self.park_ms is None:
            self.work_for = worker_for(self.events[-1])


class Settled(Struct, frozen=True):
    """What became of an `Append`.

    `moved`: somebody else was first, and nothing was appended. If the trigger is still ours, it
    stays so, and `last` is the event that the order has come to. `missing`: the order's history
    is not there, and nothing was touched. `halted`: a person has to settle the order first, and
    nothing was touched.
    """

    outcome: Outcome
    last: bytes = b""
