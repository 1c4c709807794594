"""What became of orders: read from the log and the ledger, whoever worked on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shared.orders.codec import decode
from shared.orders.order import replay
from shared.settings import VenueSettings
from shared.streams.consumer.backlog import backlog_of
from shared.streams.log.log import Log
from shared.streams.recovery.dead_letters import dead_letters
from shared.venues.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.replicas import unsettled

# TransactionSent is left out where a replica died just before it told of it.
WITHOUT_DETOUR = [
    "OrderSubmitted",
    "RoutingStarted",
    "OrderRouted",
    "TransactionSigned",
    "OrderConfirmed",
]


async def ended(log: Log, order_ids: Sequence[str]) -> int:
    """Return how many of the orders have ended."""
    orders = [replay(map(decode, raw)) for raw in await log.history(order_ids)]
    return sum(order is not None and order.ended for order in orders)


async def all_ended(log: Log, order_ids: Sequence[str]) -> bool:
    return await ended(log, order_ids) == len(order_ids)


async def settled(log: Log, *groups: str) -> bool:
    """Return whether the groups have nothing before them, nothing pending, nothing parked."""
    parked = [part.parked for group in groups for part in await backlog_of(log, group)]
    return sum(parked) + sum([await unsettled(log, group) for group in groups]) == 0


async def swapped_once(
    log: Log, settings: VenueSettings, order_ids: Collection[str], groups: Sequence[str]
) -> None:
    """Wait for the orders' end and assert the promises: one outcome, one signature, one swap.

    And that none took a detour: no failed attempt, no route given up, no doubt about the chain.
    """
    ids = sorted(order_ids)
    await eventually(lambda: all_ended(log, ids))
    await eventually(lambda: settled(log, *groups))

    for raw in await log.history(ids):
        events = [decode(one) for one in raw]
        kinds = [type(event).__name__ for event in events]
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        assert [kind for kind in kinds if kind != "TransactionSent"] == WITHOUT_DETOUR
    assert await swaps(log, settings) == ids
    assert await dead_letters(log) == []


async def swaps(log: Log, settings: VenueSettings) -> list[str]:
    """Return the order of every swap that landed, sorted: one swapped twice is there twice."""
    ledger = Ledger(log.client, namespace=settings.namespace, retention_s=60)
    return sorted([swap.order_id async for swap in ledger.landed()])


async def members(log: Log, group: str) -> set[str]:
    """Return the names of the replicas that a group knows."""
    streams = [log.keys.stream(partition, group) for partition in range(log.keys.partitions)]
    pages = await log.client.run([("XINFO", "CONSUMERS", stream, group) for stream in streams])
    # Each replica is a flat list of fields and values, its name first.
    return {replica[1].decode() for page in pages for replica in page}


async def held_by(log: Log, group: str, member: str) -> int:
    """Return how many entries a replica was given and has not settled."""
    streams = [log.keys.stream(partition, group) for partition in range(log.keys.partitions)]
    pages = await log.client.run([("XPENDING", stream, group) for stream in streams])
    held = [dict(map(tuple, holders or ())) for _, _, _, holders in pages]
    return sum(int(one.get(member.encode(), 0)) for one in held)
