"""Which leases are to be renewed: not of what was just taken up, for most is settled by then."""

from __future__ import annotations

from collections.abc import Iterable

from shared.streams.delivery import Delivery

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
