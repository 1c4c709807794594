"""What a replica holds: deliveries that were started and are not settled."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from shared.streams.consumer.deliveries import Delivery


class InFlight:
    """Deliveries by their place, with a limit on those that keep the process busy."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._busy: dict[tuple[int, str], Delivery] = {}
        self._idle: dict[tuple[int, str], Delivery] = {}
        self._freed = asyncio.Event()

    def __contains__(self, delivery: Delivery) -> bool:
        place = delivery.place
        return place in self._busy or place in self._idle

    def everything(self) -> Collection[Delivery]:
        """Return all that is held."""
        return [*self._busy.values(), *self._idle.values()]

    def idle_ones(self) -> Collection[Delivery]:
        """Return those that hold no slot."""
        return [*self._idle.values()]

    @property
    def busy(self) -> int:
        """Return how many count against the limit."""
        return len(self._busy)

    @property
    def idle(self) -> int:
        """Return how many only wait, for the chain or a server, and hold no slot."""
        return len(self._idle)

    def add(self, delivery: Delivery, *, idle: bool = False) -> None:
        """Hold a delivery; `idle` if it takes no slot."""
        (self._idle if idle else self._busy)[delivery.place] = delivery

    def move(self, delivery: Delivery, *, idle: bool) -> None:
        """Give what is held a slot, or take it away."""
        place = delivery.place
        if place in (self._busy if idle else self._idle):
            self.drop(delivery)
            self.add(delivery, idle=idle)

    def drop(self, delivery: Delivery) -> None:
        """Let go of a delivery."""
        place = delivery.place
        if self._idle.pop(place, None) is None:
            self._busy.pop(place, None)
            self._freed.set()

    def room(self) -> int:
        """Return how many more may keep the process busy."""
        return self._limit - len(self._busy)

    async def has_room(self, unless: asyncio.Event) -> None:
        """Return once there is room, or `unless` is set."""
        while self.room() <= 0 and not unless.is_set():
            self._freed.clear()
            waits = [asyncio.create_task(event.wait()) for event in (self._freed, unless)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()


LOOKS = 3  # Within the longest time between two renewals.


class Leases:
    """What is held, and at which look it was renewed."""

    def __init__(self) -> None:
        self._look = 0
        self._renewed: dict[tuple[int, str], int] = {}

    def due(self, held: Iterable[Delivery], *, every: bool = False) -> list[Delivery]:
        """Return what has been held, or was renewed, `LOOKS` looks ago; or `every` one.

        The caller renews it, and looks again and again, at equal distances.
        """
        self._look += 1
        # What was not there before may have come right after the last look.
        renewed = {d.place: (d, self._renewed.get(d.place, self._look - 1)) for d in held}
        due = [d for d, at in renewed.values() if every or self._look - at >= LOOKS]
        self._renewed = {place: at for place, (_, at) in renewed.items()}
        self._renewed.update((d.place, self._look) for d in due)
        return due
