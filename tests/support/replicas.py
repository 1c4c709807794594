"""Replicas of services inside the test's own loop, and what they leave on the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from services.executor.__main__ import make_executor
from services.executor.handler import Executor
from services.router.handler import Router
from shared.clock import utc_now
from shared.concurrency.timers import Deadline
from shared.orders.codec import decode
from shared.orders.events import OrderEvent, OrderSubmitted
from shared.routing.panel import Panel
from shared.settings import ConsumerSettings, VenueSettings
from shared.streams.consumer.backlog import backlog_of
from shared.streams.consumer.consumer import Consumer, Worker
from shared.streams.consumer.group import Group
from shared.streams.consumer.handler import Ended, Handler, Next, Turn
from shared.streams.consumer.steps import Steps
from shared.streams.log.appends import Append
from shared.streams.log.creation import Creation, Submission, Submitted
from shared.streams.log.log import Log
from shared.streams.recovery.lost_writes import MayAct, always
from shared.tokens.registry import load_tokens
from shared.venues.health.book import Book
from shared.venues.protocol import Venue
from shared.venues.registry import open_venues
from tests.support.builders import submitted


async def nothing_ended(_order_ids: Sequence[str]) -> set[str]:
    return set()


async def nothing_recalled(_turns: Collection[Turn]) -> None:
    pass


@dataclass
class Scripted:
    """A handler that does what the test says."""

    do: Callable[[OrderEvent], Awaitable[Next]]
    handles: Collection[type[OrderEvent]] = (OrderSubmitted,)
    handles_when_due: Collection[type[OrderEvent]] = ()
    waits_on: Collection[type[OrderEvent]] = ()
    announces: Collection[type[OrderEvent]] = ()
    gave_up: Callable[[OrderEvent, str], Next] = field(default=lambda _event, _why: [])

    async def handle(self, event: OrderEvent) -> Next:
        return await self.do(event)

    def give_up(self, event: OrderEvent, why: str) -> Next:
        return self.gave_up(event, why)


def a_router(
    log: Log,
    settings: VenueSettings,
    venues: Sequence[Venue] | None = None,
    may_act: MayAct = always,
    book: Book | None = None,
) -> Router:
    return Router(
        log=log,
        panel=Panel(
            venues or list(open_venues(settings, log.client).values()),
            Deadline(settings.quote_deadline_ms / 1_000),
            book,
        ),
        tokens=load_tokens(settings.tokens_file),
        max_routes=settings.max_routes,
        now=utc_now,
        may_act=may_act,
    )


def an_executor(
    log: Log, settings: VenueSettings, venue: Venue | None = None, may_act: MayAct = always
) -> Executor:
    return make_executor(log, settings, {venue.name: venue} if venue else None, may_act)


@asynccontextmanager
async def running(
    log: Log,
    group: str,
    handler: Handler,
    settings: ConsumerSettings,
    ended: Ended = nothing_ended,
) -> AsyncIterator[Group]:
    """Run one replica until the block ends, then let it leave."""
    membership = Group(log, group, f"replica-{uuid4().hex[:8]}")
    worker = Steps(membership, handler, settings, ended, nothing_recalled)
    async with working(membership, worker, settings):
        yield membership


@asynccontextmanager
async def working(
    group: Group,
    worker: Worker,
    settings: ConsumerSettings,
    *,
    read_every_ms: int = 0,
    from_entries: int = 1,
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    consumer = Consumer(
        group, worker, settings, read_every_ms=read_every_ms, from_entries=from_entries
    )
    task = asyncio.create_task(consumer.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


def a_submission(
    event: OrderSubmitted, *, marker: str | None = None, digest: str = ""
) -> Submission:
    """Return a submission that may be asked for within a minute, by this machine's clock."""
    until_ms = int(time.time() * 1_000) + 60_000
    return Submission(event=event, until_ms=until_ms, marker=marker, digest=digest)


async def submit(log: Log, *events: OrderSubmitted) -> list[Submitted]:
    """Ask for new orders to be put on the log."""
    return await Creation(log).submit([a_submission(event) for event in events])


async def placed(log: Log, event: OrderSubmitted | None = None) -> OrderSubmitted:
    """Put a new order on the log."""
    event = event or submitted(at=utc_now())
    await submit(log, event)
    return event


async def place_history(log: Log, events: Sequence[OrderEvent]) -> None:
    """Put the events of an order on the log, none of them acknowledged by anybody."""
    first, *rest = events
    assert isinstance(first, OrderSubmitted)
    await placed(log, first)
    if rest:
        await log.append("", [Append(order_id=first.order_id, expected=1, events=rest)])


async def park(log: Log, group: str, order_id: str, after_ms: int) -> None:
    """Park an order as if its turn had been with the group."""
    due_ms = int(time.time() * 1_000) + after_ms
    await log.client.call(
        "ZADD", log.keys.due(log.keys.partition_of(order_id), group), due_ms, order_id
    )


async def publish(log: Log, *messages: tuple[str, bytes]) -> None:
    """Tell whoever follows the orders."""
    await log.client.run(log.publishing(messages))


async def events_of(log: Log, order_id: str) -> list[OrderEvent]:
    [raw] = await log.history([order_id])
    return [decode(one) for one in raw]


async def types_of(log: Log, order_id: str) -> list[str]:
    return [type(event).__name__ for event in await events_of(log, order_id)]


async def unsettled(log: Log, group: str) -> int:
    """Return how many entries a group has before it: not given out, or not settled."""
    return sum((part.lag or 0) + part.pending for part in await backlog_of(log, group))
