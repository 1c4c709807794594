"""Read what a run left in Postgres, in Redis and on the chain."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import psycopg
from psycopg.rows import class_row

from cli.audit.command import audited
from cli.demo.readback import swaps_by_order
from shared.orders.dispatch import GROUPS
from shared.streams.log.log import Log
from tests.chaos.onchain.devchain import Devchain
from tests.chaos.onchain.witness import witnessed
from tests.chaos.records import Archived, Audited, Listed, Record, Row, Swapped
from tests.support.eventually import eventually
from tests.support.outcomes import settled
from tests.support.processes import StackSettings, environment

_PAGE = 1_000
_EVERY_KEY = 10_000_000
_EVENTS = "SELECT order_id::text, version, event::text FROM order_events ORDER BY 1, 2"
_ROWS = """
    SELECT order_id::text, version, status, unresolved, submitted_at, updated_at, attempts, venue,
        signature, amount_out, price, failure_reason, cancel_requested, contradicted
    FROM orders
"""


async def come_to_rest(settings: StackSettings, within_s: float) -> None:
    """Wait until every group has settled all that is on the log and parked, but not for ever."""
    log = await Log.open(settings)

    try:
        with suppress(AssertionError):  # What is left behind, the checker finds.
            await eventually(lambda: settled(log, *GROUPS), within_s=within_s, every_s=0.2)
    finally:
        await log.close()


async def evidence(settings: StackSettings, chain: Devchain | None = None) -> list[Record]:
    """Return what can be found of every order. A development chain is killed for it."""
    found: list[Record] = [*await asyncio.to_thread(lambda: list(_archive(settings.database_url)))]
    log = await Log.open(settings)
    try:
        order_ids = sorted({record.order_id for record in found if isinstance(record, Archived)})
        found += [record async for record in _lists(log, order_ids)]
    finally:
        await log.close()
    if chain is None:
        found += [
            Swapped(order_id=order_id, signature=signature)
            for order_id, signatures in (await swaps_by_order(settings)).items()
            for signature in signatures
        ]
    else:
        checks = await audited(environment(settings), settings.database_url)
        found += [Audited(claim=check.claim, broken=tuple(check.broken)) for check in checks]
        chain.kill()
        found += await asyncio.to_thread(witnessed, chain.folder, chain.wallet)
    return found


def _archive(database_url: str) -> Iterator[Record]:
    kept: dict[str, list[tuple[int, str]]] = defaultdict(list)
    with psycopg.connect(database_url) as connection:
        for order_id, version, event in connection.execute(_EVENTS):
            kept[order_id].append((version, event))
        yield from connection.cursor(row_factory=class_row(Row)).execute(_ROWS)
    for order_id, events in kept.items():
        versions, raws = zip(*events, strict=True)
        yield Archived(order_id=order_id, versions=versions, events=raws)


async def _lists(log: Log, archived: list[str]) -> AsyncIterator[Listed]:
    _, keys = await log.client.scan({}, log.keys.histories, _EVERY_KEY)
    names = sorted({*archived, *(key.decode().rpartition(":")[2] for key in keys)})
    for start in range(0, len(names), _PAGE):
        asked = names[start : start + _PAGE]
        for order_id, events in zip(asked, await log.history(asked), strict=True):
            if events:
                yield Listed(order_id=order_id, events=tuple(event.decode() for event in events))
