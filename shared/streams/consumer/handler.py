"""What the runtime of steps and a service agree on: events come in, the next ones go out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from shared.orders.events import OrderEvent


@dataclass(frozen=True, slots=True)
class Park:
    """Nothing more to say for now: look at the order again in so many ms, whoever does."""

    after_ms: int
    events: Sequence[OrderEvent] = ()  # What there is to say already.


Next: TypeAlias = Sequence[OrderEvent] | Park


class Handler(Protocol):
    """What a service does with an event."""

    @property
    def handles(self) -> Collection[type[OrderEvent]]:
        """Return the events it is to be given: its group's work (`work_of`)."""
        ...

    @property
    def handles_when_due(self) -> Collection[type[OrderEvent]]:
        """Return those it is given only when an order falls due that it has parked."""
        ...

    @property
    def waits_on(self) -> Collection[type[OrderEvent]]:
        """Return those of them that it handles by waiting, so without a slot."""
        ...

    @property
    def announces(self) -> Collection[type[OrderEvent]]:
        """Return those that only tell what it does next, and stand for nothing that was done.

        They are appended together with what comes of it, if that comes soon.
        """
        ...

    async def handle(self, event: OrderEvent) -> Next:
        """Return what follows.

        Raising means not now: `ServerAway` and `HistoryMissing` are waited for, everything else is
        an attempt.
        """
        ...

    def give_up(self, event: OrderEvent, why: str) -> Next:
        """Return what follows once every attempt is used up."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """What makes an order a replica's to go on with.

    That is an entry that it holds, or else a parking that it took up `until_ms`, by Redis's clock.
    """

    order_id: str
    entry_id: str = ""
    until_ms: int = 0


Ended: TypeAlias = Callable[[Sequence[str]], Awaitable[set[str]]]
Recall: TypeAlias = Callable[[Collection[Turn]], Awaitable[None]]
