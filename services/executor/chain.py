"""The chain as the executor meets it, through the venue that made a transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.executor.decide import InFlight, in_flight
from services.executor.watch import ChainWatch
from shared.concurrency.timers import Deadline
from shared.errors import ServerAway
from shared.observability import metrics
from shared.orders.events import OrderRouted, TransactionSigned
from shared.orders.values import SignedTransaction
from shared.streams.recovery.lost_writes import MayAct, always
from shared.venues.measured import measured
from shared.venues.protocol import Answer, Venue, VenueRejected, VenueUnavailable

logger = logging.getLogger(__name__)

NOT_NOW = (VenueUnavailable, ServerAway, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Every venue of this executor, and who waits for its answers. Each call has a deadline.

    Every call may raise one of `NOT_NOW`.
    """

    venues: Mapping[str, Venue]
    watches: Mapping[str, ChainWatch]
    deadline: Deadline
    may_act: MayAct = always

    async def build(self, event: OrderRouted) -> SignedTransaction:
        """Sign the route. Raises `VenueRejected` too."""
        venue = self._venue(event.route.venue)
        with measured(venue.name, "build"), self.deadline():
            return await venue.build(event.order_id, event.intent, event.route)

    async def send(self, signed: TransactionSigned) -> None:
        """Hand over the bytes. Raises `VenueRejected` too, and then they may have landed before."""
        await self.may_act()
        venue = self._venue(signed.venue)
        with measured(venue.name, "send"), self.deadline():
            await venue.send(signed.transaction)

    async def send_again(self, signed: TransactionSigned) -> None:
        """Hand over the same bytes once more: they land once at most. Bad news is no news here."""
        metrics.series(metrics.RESENDS, signed.venue).inc()
        try:
            await self.send(signed)
        except (VenueRejected, *NOT_NOW) as error:
            logger.info("%s, sent again: %s", signed.order_id, error)

    async def ask(self, swap: InFlight) -> Answer:
        """Return what the chain says now."""
        return await self._watch(swap.venue).ask(swap.signature)

    async def answer(self, swap: InFlight, within_s: float) -> Answer | None:
        """Return the chain's decision, or None if there is none in time."""
        return await self._watch(swap.venue).answer(swap.signature, within_s)

    async def search(self, signed: Sequence[TransactionSigned]) -> list[tuple[InFlight, Answer]]:
        """Return what the chain's whole history says of each transaction, in order."""
        answers = await asyncio.gather(
            *(self._watch(one.venue).search(one.transaction) for one in signed)
        )
        return list(zip(map(in_flight, signed), answers, strict=True))

    def _venue(self, name: str) -> Venue:
        if name not in self.venues:
            raise VenueUnavailable(f"venue {name!r} is not among VENUES of this executor")
        return self.venues[name]

    def _watch(self, name: str) -> ChainWatch:
        self._venue(name)
        return self.watches[name]
