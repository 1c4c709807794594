"""The same code on a Redis Cluster: partitions spread over the nodes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from services.notifier.handler import Notifier
from shared.settings import VenueSettings
from shared.streams.batches import Batches
from shared.streams.dead_letters import dead_letters
from shared.streams.group import Group
from shared.streams.log import Log
from shared.streams.updates import Updates
from shared.venues.ledger import Ledger
from tests.eventually import eventually
from tests.replicas import (
    a_router,
    an_executor,
    placed,
    running,
    unsettled,
    working,
)
from tests.servers import Valkey, free_port

SLOTS = ((0, 5_460), (5_461, 10_922), (10_923, 16_383))


@pytest.fixture(scope="module")
def cluster_url() -> Iterator[str]:
    """Return the address of one of three primaries."""
    with ExitStack() as stack:
        nodes = []
        for _ in SLOTS:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            bus = ("--cluster-port", str(free_port()))
            node = Valkey(folder, "--cluster-enabled", "yes", *bus)
            node.start()
            stack.callback(node.stop)
            nodes.append(node)
        # redis-py's own calls are not typed.
        clients: list[Any] = [stack.enter_context(Redis(port=node.port)) for node in nodes]
        for client, (first, last) in zip(clients, SLOTS, strict=True):
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        for node in nodes[1:]:
            meet = ("127.0.0.1", node.port, int(node.option("--cluster-port")))
            clients[0].execute_command("CLUSTER MEET", *meet)
        asyncio.run(_agreed(clients))
        yield nodes[0].url


async def _agreed(clients: Sequence[Any]) -> None:
    def look() -> bool:
        return all(
            client.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
            and len(client.execute_command("CLUSTER NODES")) == len(SLOTS)
            for client in clients
        )

    await eventually(look)


async def test_orders_flow_and_stream_over_every_node(
    cluster_url: str, settings: VenueSettings
) -> None:
    spread = settings.model_copy(update={"redis_url": cluster_url, "partitions": 8})
    log = await Log.open(spread)
    heard: dict[str, int] = {}

    def on_message(order_id: str, _message: bytes) -> None:
        heard[order_id] = heard.get(order_id, 0) + 1

    stop = asyncio.Event()
    updates = Updates(log, on_message, lambda: None)
    listening = asyncio.create_task(updates.run(stop))
    notifier = Group(log, "notifier", "only")
    publishing = Batches(notifier, Notifier(log).handle, spread, hold=False)
    try:
        async with (
            running(log, "router", a_router(log, spread), spread),
            running(log, "executor", an_executor(log, spread), spread),
            working(notifier, publishing, spread),
        ):
            orders = [await placed(log) for _ in range(40)]
            ids = [order.order_id for order in orders]
            for order_id in ids:
                await updates.subscribe(order_id)

            async def all_ended() -> bool:
                return await log.versions(ids) == [6] * len(ids)

            async def all_settled() -> bool:
                left = [await unsettled(log, name) for name in ("router", "executor", "notifier")]
                return sum(left) == 0

            await eventually(all_ended)
            await eventually(all_settled)
            await log.publish([(order_id, b"{}") for order_id in ids])
            await eventually(lambda: heard.keys() == set(ids))
        ledger = Ledger(log.client, namespace=spread.namespace, retention_s=60)
        landed = [swap.order_id async for swap in ledger.landed()]
        nodes = {log.client.node_of(log.keys.log(partition)) for partition in range(8)}

        assert log.client.clustered
        assert len(nodes) == len(SLOTS)
        assert sorted(landed) == sorted(ids)
        assert await dead_letters(log) == []
    finally:
        stop.set()
        await listening
        await log.close()
