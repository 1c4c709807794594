"""With REPLICAS_ACK, nobody hears of an event, or acts on it, before a replica has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace

from shared.observability import metrics
from shared.orders.events import RoutingStarted
from shared.settings import GatewaySettings, VenueSettings
from shared.streams.consumer.batches import Batches
from shared.streams.consumer.deliveries import Delivery
from shared.streams.consumer.group import Group
from shared.streams.errors import LogUnavailable
from shared.streams.log.appends import Append
from shared.streams.log.log import Log
from tests.support.builders import NOON, an_intent, submitted
from tests.support.cluster import following
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, ORDER, gateway_settings, running_gateway
from tests.support.outcomes import swaps
from tests.support.replicas import a_router, an_executor, placed, running, submit, types_of, working
from tests.support.replication import ask, cut_off, reconnect
from tests.support.servers import Valkey


class Pair:
    """A primary and its replica."""

    def __init__(self, folder: Path) -> None:
        folders = [folder / "primary", folder / "replica"]
        for one in folders:
            one.mkdir()
        self.primary = Valkey(folders[0], "--repl-diskless-sync-delay", "0")
        self.replica = Valkey(folders[1], "--replicaof", f"127.0.0.1 {self.primary.port}")

    async def start(self) -> None:
        self.primary.start()
        self.replica.start()
        await following(self.replica, self.primary)

    def part(self) -> None:
        cut_off(self.replica, self.primary)

    async def join(self) -> None:
        reconnect(self.replica)
        await following(self.replica, self.primary)

    def kill(self) -> None:
        self.primary.kill()
        self.replica.kill()


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    servers = Pair(tmp_path)
    try:
        await servers.start()
        yield servers
    finally:
        servers.kill()


@pytest.fixture
def settings(settings: VenueSettings, pair: Pair) -> VenueSettings:
    return settings.model_copy(
        update={"redis_url": pair.primary.url, "replicas_ack": 1, "replicas_ack_ms": 200}
    )


async def several_waits() -> None:
    """Return once it was found again and again that the replica has not got something."""

    def missed() -> float:
        [counter] = metrics.COPIES_MISSED.collect()
        return counter.samples[0].value

    enough = missed() + 3
    await eventually(lambda: missed() >= enough)


def careful_settings(pair: Pair, settings: VenueSettings, **others: Any) -> GatewaySettings:
    """Return settings of a gateway that waits for the replica."""
    wait = {"replicas_ack": 1, "replicas_ack_ms": 200}
    return gateway_settings(pair.primary.url, settings.namespace, **wait, **others)


async def test_an_order_is_taken_once_the_replica_has_it(
    pair: Pair, settings: VenueSettings
) -> None:
    log = await Log.open(settings)
    order = await placed(log)
    there = ask(pair.replica, "LLEN", log.keys.history(order.order_id))
    await log.close()

    assert there == 1


async def test_an_order_that_only_the_primary_has_is_not_said_to_be_taken(
    pair: Pair, settings: VenueSettings
) -> None:
    log, order = await Log.open(settings), submitted()
    pair.part()
    for _ in range(2):  # A repeat finds the order there and writes nothing. It must wait too.
        with pytest.raises(LogUnavailable) as refused:
            await submit(log, order)
        assert refused.value.maybe_applied
    other = await Log.open(settings)  # Whose connections have written nothing at all.
    with pytest.raises(LogUnavailable):
        await submit(other, order)
    await pair.join()
    [taken] = await submit(log, order)
    await log.close()
    await other.close()

    assert taken.kind == "accepted"


async def test_a_server_that_asks_for_replicas_itself_refuses_before_it_writes(
    pair: Pair, settings: VenueSettings
) -> None:
    log, order = await Log.open(settings), submitted()
    ask(pair.primary, "CONFIG", "SET", "min-replicas-to-write", "1")
    pair.part()
    with pytest.raises(LogUnavailable) as refused:
        await submit(log, order)
    versions = await log.versions([order.order_id])
    await log.close()

    assert not refused.value.maybe_applied
    assert versions == [0]


async def test_a_client_whose_order_has_no_copy_is_told_so_and_finds_it_by_its_key(
    pair: Pair, settings: VenueSettings
) -> None:
    careful = careful_settings(pair, settings, accept_deadline_ms=2_000)
    key = {"Idempotency-Key": "once"}
    async with running_gateway(careful) as gateway:

        async def place() -> httpx.Response:
            return await gateway.http.post(EXECUTE, json=ORDER, headers=key)

        pair.part()
        unsure = await place()
        ask(pair.primary, "CONFIG", "SET", "min-replicas-to-write", "1")
        refused = await gateway.http.post(EXECUTE, json=ORDER)
        ask(pair.primary, "CONFIG", "SET", "min-replicas-to-write", "0")
        await pair.join()
        taken = await place()

    assert (unsure.status_code, unsure.json()["code"]) == (504, "ACCEPTANCE_UNKNOWN")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert (taken.status_code, taken.json()["orderId"]) == (202, unsure.json()["orderId"])


async def test_nothing_is_sent_before_a_replica_has_its_signature(
    pair: Pair, settings: VenueSettings
) -> None:
    log = await Log.open(settings)
    async with running(log, "router", a_router(log, settings), settings):
        order = await placed(log)

        async def is_routed() -> bool:
            return await log.versions([order.order_id]) == [3]

        await eventually(is_routed)
    pair.part()
    async with running(log, "executor", an_executor(log, settings), settings):

        async def waits() -> bool:
            kinds = await types_of(log, order.order_id)
            return kinds[-1] == "TransactionSigned"

        await eventually(waits)
        await several_waits()
        sent_too_soon = await swaps(log, settings)
        await pair.join()

        async def is_over() -> bool:
            return (await types_of(log, order.order_id))[-1] == "OrderConfirmed"

        await eventually(is_over)
    landed = await swaps(log, settings)
    await log.close()

    assert sent_too_soon == []
    assert landed == [order.order_id]


async def test_nobody_who_looks_an_order_up_is_told_what_no_replica_has(
    pair: Pair, settings: VenueSettings
) -> None:
    careless = await Log.open(settings.model_copy(update={"replicas_ack": 0}))
    async with running_gateway(careful_settings(pair, settings)) as gateway:
        order_id = await gateway.submit()
        pair.part()
        event = RoutingStarted(order_id=order_id, version=2, at=NOON, intent=an_intent())
        await careless.append("", [Append(order_id=order_id, expected=1, events=[event])])
        too_soon = await gateway.http.get(f"/api/orders/{order_id}")
        await pair.join()
        then = await gateway.http.get(f"/api/orders/{order_id}")
    await careless.close()

    assert (too_soon.status_code, too_soon.json()["code"]) == (503, "HISTORY_UNAVAILABLE")
    assert (then.status_code, then.json()["status"]) == (200, "routing")


async def test_cancelled_is_said_only_once_a_replica_knows(
    pair: Pair, settings: VenueSettings
) -> None:
    careful = careful_settings(pair, settings, accept_deadline_ms=1_000)
    async with running_gateway(careful) as gateway:
        order_id = await gateway.submit()
        pair.part()
        unsure = await gateway.http.delete(f"/api/orders/{order_id}")
        await pair.join()
        cancelled = await gateway.http.delete(f"/api/orders/{order_id}")

    assert (unsure.status_code, unsure.json()["code"]) == (503, "HISTORY_UNAVAILABLE")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


async def test_archive_and_followers_are_given_nothing_that_no_replica_has(
    pair: Pair, settings: VenueSettings
) -> None:
    log = await Log.open(settings)
    seen: list[str] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        seen.extend(delivery.order_id for delivery in batch)

    group = Group(log, "projector", "one")
    async with working(group, Batches(group, handle, settings, hold=True), settings):
        known = await placed(log)
        await eventually(lambda: seen == [known.order_id])
        pair.part()
        order = submitted()
        with suppress(LogUnavailable):
            await submit(log, order)
        await several_waits()
        too_soon = seen[1:]
        await pair.join()
        await eventually(lambda: seen[1:] == [order.order_id])
    await log.close()

    assert too_soon == []


async def test_an_entry_that_a_failover_took_away_is_not_believed(
    settings: VenueSettings,
) -> None:
    log = await Log.open(settings)
    order = await placed(log)
    group = Group(log, "projector", "one")
    [delivery] = await group.read(list(group.partitions), 10, 1_000)
    before = await group.are_copied([delivery])
    lost = replace(delivery, entry_id="1-0")
    after = [await group.are_copied(batch) for batch in ([lost], [delivery, lost])]
    await log.close()

    assert delivery.order_id == order.order_id
    assert before
    assert after == [False, False]
