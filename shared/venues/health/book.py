"""The record of venues that all replicas keep together, in Redis: one exchange a second at most."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from shared.observability import metrics
from shared.streams.errors import LogUnavailable
from shared.streams.figures.fading import Fading
from shared.streams.log.log import Log
from shared.venues.health.breaker import Breaker, State
from shared.venues.health.record import HALF_LIFE_S, Record, records
from shared.venues.health.tally import Tally

logger = logging.getLogger(__name__)

_EVERY_S: Final = 1.0
_IDLE_S: Final = 10.0  # A replica that nobody asks says so often enough for its notes to count.


class Seen(Struct, frozen=True, rename="camel"):
    """One replica's word about a venue."""

    state: State
    why: str = ""


class Kept(Struct, frozen=True):
    """The records of venues by name, and what each replica says of them: by venue, by replica."""

    records: Mapping[str, Record]
    seen: Mapping[str, Mapping[str, Seen]]


_seen = msgspec.json.Decoder(Seen)
_encoder = msgspec.json.Encoder()


class Book:
    """One replica's way to that record: it adds its own, and knows all there is.

    `discounts` has the venues whose quotes count for less, by how many hundredths of a percent.
    """

    def __init__(self) -> None:
        self.tally = Tally()
        self.discounts: Mapping[str, int] = {}
        self.breakers: Mapping[str, Breaker] = {}

    async def keep(self, log: Log, replica: str = "", half_life_s: float = HALF_LIFE_S) -> None:
        """Exchange what there is, every second in which there is something, until cancelled.

        `replica` is as `exchange` takes it.
        """
        fading = fading_of(log, half_life_s)
        idle_s = _IDLE_S
        while True:
            idle_s += _EVERY_S
            if self.tally or (self.breakers and idle_s >= _IDLE_S):
                idle_s = 0.0
                await self.exchange(fading, replica)
            await asyncio.sleep(_EVERY_S)

    async def exchange(self, fading: Fading, replica: str = "") -> None:
        """Add what was counted, and learn what there is. Without Redis it waits for the next time.

        A `replica` with a name says how it finds the venues.
        """
        taken = self.tally.take()
        notes = {
            f"{venue}/{replica}": _encoder.encode(Seen(breaker.state, breaker.why)).decode()
            for venue, breaker in self.breakers.items()
            if replica
        }
        try:
            found = await fading.add(taken, notes)
        except LogUnavailable as error:
            # It is a record and no promise: what Redis may have counted is not added twice.
            if not error.maybe_applied:
                self.tally.give_back(taken)
            return
        told = records(found.sums)
        self.discounts = {
            venue: record.discount_bps for venue, record in told.items() if record.discount_bps
        }
        for venue, record in told.items():
            metrics.series(metrics.VENUE_DISCOUNT, venue).set(record.discount_bps / 10_000)


def fading_of(log: Log, half_life_s: float = HALF_LIFE_S) -> Fading:
    """Return where the record lies."""
    return Fading(log.client, log.keys.namespace, "venues", half_life_s)


async def kept(log: Log) -> Kept:
    """Return the record as it stands. Raises `LogUnavailable`."""
    found = await fading_of(log).read()
    seen: dict[str, dict[str, Seen]] = {}
    for name, text in found.notes.items():
        venue, _, replica = name.rpartition("/")
        seen.setdefault(venue, {})[replica] = _seen.decode(text)
    return Kept(records(found.sums), seen)
