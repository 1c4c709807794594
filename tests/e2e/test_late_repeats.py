"""Everything that whole lives of orders sent to Redis is delivered again: nothing comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from shared.archive.rebuild import rebuild
from shared.orders.dispatch import GROUPS, WORKERS
from shared.streams.log.log import Log
from shared.streams.redis.client import checked
from tests.support.archive import events_by_type, orders, rows
from tests.support.cluster import SLOTS, a_cluster
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER
from tests.support.outcomes import settled, swaps
from tests.support.processes import StackSettings
from tests.support.recorder import Recorder
from tests.support.servers import free_port
from tests.support.stack import running_stack, stack_settings
from tests.support.talk import MANY, say

ALONE, IN_BATCH, CANCELLED = 30, 30, 6
EVENTS = "SELECT order_id, version, event::text FROM order_events ORDER BY 1, 2"
_LATE_S = 15  # For so long an order may be asked for; what comes later has to be known as late.
# Some of the orders go each way through life that there is.
LIFE = {
    "accept_deadline_ms": _LATE_S * 1_000,
    "venue_faults": "*.quote_error=0.4,*.quote_stale=0.1,*.send_lost=0.2,*.send_lost_reply=0.1,"
    "*.fails_on_chain=0.2,*.node_forgets=0.1",
    "venue_quote_ms": 50,
    "chain_block_ms": 20,
    "chain_valid_blocks": 20,
    "confirm_budget_ms": 500,
    "unresolved_poll_ms": 100,
    "resend_ms": 300,
    "look_back_ms": 200,
    "look_back_for_ms": 1_000,
    "history_ttl_s": 5,
}
AT_LEAST = {
    *("OrderCancelled", "OrderConfirmed", "OrderFailed"),
    *("OrderUnresolved", "TransactionExpired"),
}
_LISTS_GONE_S, _END_S = 6.0, 120.0


class Left(NamedTuple):
    """Everything that a repeat could add to."""

    lists: set[bytes]
    added: list[int]  # Entries, by stream.
    events: list[Any]
    orders: list[Any]
    swaps: list[str]
    heard: int


@contextmanager
def servers(where: str, redis_url: str) -> Iterator[tuple[str, list[Recorder]]]:
    """Yield the address of the servers themselves, and what stands in front of each."""
    if where == "one server":
        yield redis_url, [Recorder(redis_url)]
        return
    ports = [free_port() for _ in SLOTS]
    with a_cluster(replicas=0, doors=ports) as cluster:
        doors = [Recorder(n.url, port) for n, port in zip(cluster.nodes, ports, strict=True)]
        yield cluster.url, doors


@pytest.mark.parametrize("where", ["one server", "a cluster"])
def test_what_orders_sent_to_redis_adds_nothing_when_it_comes_again(
    redis_url: str, database_url: str, namespace: str, where: str
) -> None:
    with servers(where, redis_url) as (url, doors):
        settings = stack_settings(url, database_url, namespace).model_copy(update=LIFE)
        asyncio.run(_nothing_comes_of_repeats(settings, doors))


async def _nothing_comes_of_repeats(settings: StackSettings, doors: Sequence[Recorder]) -> None:
    async with AsyncExitStack() as stack:
        for door in doors:
            await door.listen()
            stack.push_async_callback(door.refuse)
        recorded = settings.model_copy(update={"redis_url": doors[0].url})
        address = await stack.enter_async_context(running_stack(recorded))
        log = await Log.open(settings)
        stack.push_async_callback(log.close)
        order_ids = await _placed(address)
        placed = time.monotonic()
        heard = await stack.enter_async_context(_heard_of(address, order_ids))

        async def is_over() -> bool:
            told = sum('"marker":"ended"' in message for message in heard)
            return told == len(order_ids) and await settled(log, *GROUPS)

        async def come_again() -> None:
            before = await _left(log, settings, heard)
            delivered = sum([await door.deliver_again() for door in doors])
            await eventually(is_over, within_s=_END_S)
            after = await _left(log, settings, heard)

            assert delivered > len(order_ids)
            assert after.lists <= before.lists
            assert after._replace(lists=set()) == before._replace(lists=set())

        await eventually(is_over, within_s=_END_S)
        ended = time.monotonic()
        for door in doors:
            door.records = False
        assert {kind for kind, _ in events_by_type(settings.database_url)} >= AT_LEAST

        await come_again()
        await eventually(lambda: time.monotonic() > ended + _LISTS_GONE_S)
        await come_again()
        await eventually(lambda: time.monotonic() > placed + _LATE_S + 1, within_s=_END_S)
        await come_again()
        await rebuild(settings.database_url)
        await come_again()


async def _placed(address: str) -> list[str]:
    """Place orders in every way there is, and take some of them back; return their ids."""
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as http:
        order_ids = []
        for number in range(ALONE):
            key = {"Idempotency-Key": f"key-{number}"} if number % 2 else {}
            answer = await http.post(EXECUTE, json=ORDER, headers=key)
            order_ids.append(answer.json()["orderId"])
        batch: list[dict[str, str]] = [ORDER] * (IN_BATCH // 2)
        batch += [ORDER | {"clientOrderId": f"name-{n}"} for n in range(IN_BATCH - len(batch))]
        answer = await http.post("/api/orders/batch", json={"orders": batch})
        order_ids += [one["orderId"] for one in answer.json()["orders"]]
        for _ in range(CANCELLED):
            answer = await http.post(EXECUTE, json=ORDER)
            order_ids.append(answer.json()["orderId"])
            await http.delete(f"/api/orders/{order_ids[-1]}")
        return order_ids


@asynccontextmanager
async def _heard_of(address: str, order_ids: Sequence[str]) -> AsyncIterator[list[str]]:
    """Follow the orders over one socket; yield what is heard, as it comes."""
    heard: list[str] = []

    async def listen(socket: ClientConnection) -> None:
        async for message in socket:
            heard.append(str(message))  # noqa: PERF401 - they are looked at as they come

    async with connect(f"ws://{address}{MANY}", proxy=None) as socket:
        for order_id in order_ids:
            await say(socket, subscribe=order_id, since=0)
        listening = asyncio.create_task(listen(socket))
        try:
            yield heard
        finally:
            listening.cancel()


async def _left(log: Log, settings: StackSettings, heard: Sequence[str]) -> Left:
    _, lists = await log.client.scan({}, log.keys.histories, 10_000_000)
    partitions = range(settings.partitions)
    streams = [log.keys.stream(p, group) for p in partitions for group in ("projector", *WORKERS)]
    infos = await log.client.run([("XINFO", "STREAM", stream) for stream in streams])
    letters = await log.client.run([("XLEN", log.keys.dead(p)) for p in partitions])
    added = [info[info.index(b"entries-added") + 1] for info in map(checked, infos)]
    return Left(
        lists=set(lists),
        added=[*added, *map(checked, letters)],
        events=rows(settings.database_url, EVENTS),
        orders=orders(settings.database_url),
        swaps=await swaps(log, settings),
        heard=len(heard),
    )
