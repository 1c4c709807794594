"""The typed client follows all orders of an account, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from services.gateway.access.api_keys import line_for, new_key
from shared.streams.log.epoch import begin_epoch
from slipstream import AsyncClient, Client, Event, Lost, OrderSummary, Unauthenticated, Unreachable
from tests.support.accounts import account
from tests.support.builders import history
from tests.support.cli import started
from tests.support.eventually import eventually
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.proxy import Proxy, proxied
from tests.support.talk import rest_of, upto

SWAP = ("SOL", "USDC", "1.5")


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(gateway_settings(redis_url, namespace)) as running:
        yield running


@pytest_asyncio.fixture
async def way(gateway: Gateway) -> AsyncIterator[Proxy]:
    async with proxied(f"http://{gateway.address}") as running:
        yield running


@pytest_asyncio.fixture
async def client(way: Proxy) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(way.url, retry_for_s=60, timeout_s=60) as running:
        yield running


async def cursor_of(gateway: Gateway) -> str:
    """Return the cursor of now."""
    async with account(gateway.address) as stream:
        return stream.cursor


async def test_every_event_comes_once_whenever_the_line_is_cut(
    client: AsyncClient, gateway: Gateway, way: Proxy
) -> None:
    cuts: list[str] = []
    cursor = await cursor_of(gateway)
    events = await rest_of(gateway)
    to_come = [*events]
    seen: list[Event] = []
    stream = client.follow_account(cursor=cursor, lost=cuts.append)
    async with aclosing(stream.items()) as items:
        async for event in items:
            assert isinstance(event, Event)
            seen.append(event)
            await way.cut()
            if not to_come:
                break
            await gateway.happen(to_come.pop(0), publish=False)

    assert [event.version for event in seen] == upto(events)
    assert seen == await client.events(events[0].order_id)
    assert len(cuts) >= len(seen) - 1
    assert stream.cursor


async def test_the_newest_state_of_orders_comes_as_a_list_has_it(
    client: AsyncClient, gateway: Gateway
) -> None:
    cursor = await cursor_of(gateway)
    events = await rest_of(gateway)
    await gateway.happen(*events, publish=False)
    async with aclosing(client.follow_orders(every_ms=100, cursor=cursor).items()) as items:
        async for order in items:
            assert isinstance(order, OrderSummary)
            if order.status == "confirmed":
                break

    assert isinstance(order, OrderSummary)
    assert (order.order_id, order.version) == (events[0].order_id, events[-1].version)


async def test_lost_history_is_an_item_of_the_stream(client: AsyncClient, gateway: Gateway) -> None:
    cursor = await cursor_of(gateway)
    await begin_epoch(gateway.log)
    async with aclosing(client.follow_account(cursor=cursor).items()) as items:
        item = await anext(items)

    assert isinstance(item, Lost)
    assert item.why


async def test_programs_without_asyncio_have_the_same(gateway: Gateway) -> None:
    cursor = await cursor_of(gateway)
    order_id = await gateway.submit()

    def first() -> object:
        with Client(f"http://{gateway.address}") as client:
            return next(iter(client.follow_account(cursor=cursor)))

    event = await asyncio.to_thread(first)

    assert isinstance(event, Event)
    assert event.order_id == order_id


async def test_a_key_that_is_not_known_follows_nothing(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text(line_for(new_key(), "desk", "read", "") + "\n")
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(file))
    async with running_gateway(settings) as gateway, AsyncClient(f"http://{gateway.address}") as it:
        with pytest.raises(Unauthenticated):
            await anext(it.follow_account().items())


async def test_patience_with_gateways_that_are_away_has_an_end() -> None:
    async with AsyncClient("http://127.0.0.1:1") as client:
        with pytest.raises(Unreachable):
            await anext(client.follow_account(patience_s=0).items())


async def test_the_command_line_tells_of_all_orders(gateway: Gateway) -> None:
    with started("watch", "--url", f"http://{gateway.address}") as process:
        await eventually(lambda: gateway.parts.feed.at)
        order_id = await gateway.submit()
        await gateway.happen(*history(order_id)[1:], publish=False)
        assert process.stdout
        said = [await asyncio.to_thread(process.stdout.readline) for _ in history()]
        process.send_signal(signal.SIGINT)
        await asyncio.to_thread(process.communicate, timeout=60)

    assert all(order_id in line for line in said)
    assert said[-1].split()[3] == "confirmed"
