"""Read back what the servers hold about some orders: the chain and the archive."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from cli.audit.reading import read_chain
from cli.console import Trouble
from cli.demo.checks import Evidence
from shared.archive.archive import Archive
from shared.archive.errors import ArchiveUnavailable
from shared.orders.codec import decode
from shared.settings import VenueSettings
from shared.streams.errors import LogUnavailable
from shared.streams.redis.client import Client
from shared.venues.ledger import Ledger
from shared.venues.onchain.opening import opened_chain

_AT_ONCE = 8


async def read_back(settings: VenueSettings, order_ids: Sequence[str]) -> Evidence:
    """Return what chain and archive say now; the archive may still be catching up.

    Raises `Trouble` when a server does not answer.
    """
    try:
        swaps = await swaps_by_order(settings)
        archive = await Archive.open(settings.database_url)
        try:
            closed = frozenset(await archive.ended(order_ids))
            archived = await _archived(archive, order_ids)
        finally:
            await archive.close()
    except (LogUnavailable, ArchiveUnavailable) as error:
        raise Trouble(f"What became of the orders cannot be read back: {error}") from error
    return Evidence(
        swaps={order_id: swaps[order_id] for order_id in order_ids},
        archived=archived,
        closed=closed,
    )


async def swaps_by_order(settings: VenueSettings) -> defaultdict[str, list[str]]:
    """Return the signatures that landed for each order, as the chain tells."""
    return await (_on_chain if settings.urls else _simulated)(settings)


async def _simulated(settings: VenueSettings) -> defaultdict[str, list[str]]:
    client = await Client.connect(settings.redis_url)
    ledger = Ledger(client, namespace=settings.namespace, retention_s=settings.chain_retention_s)
    swaps = defaultdict(list)
    try:
        async for swap in ledger.landed():
            swaps[swap.order_id].append(swap.signature)
    finally:
        await client.close()
    return swaps


async def _on_chain(settings: VenueSettings) -> defaultdict[str, list[str]]:
    swaps = defaultdict(list)
    async with opened_chain(settings) as chain:
        if chain is not None:
            for one in await read_chain(chain, list(chain.wallets.all.values())):
                if one.wallet and one.order_id and not one.failed:  # No faucet paid for it.
                    swaps[one.order_id].append(one.signature)
    return swaps


async def _archived(archive: Archive, order_ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    archived = {}
    for start in range(0, len(order_ids), _AT_ONCE):
        some = order_ids[start : start + _AT_ONCE]
        histories = await asyncio.gather(*(archive.history(order_id) for order_id in some))
        for order_id, history in zip(some, histories, strict=True):
            events = [decode(raw) for raw in history]
            archived[order_id] = [(event.version, type(event).__name__) for event in events]
    return archived
