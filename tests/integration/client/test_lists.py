"""The client's lists: filtered, counted, paged to the end, and as one file however it was cut."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import pytest
import pytest_asyncio

from services.gateway.api import exports
from services.gateway.orders import paging
from shared.archive.archive import Archive
from slipstream import AsyncClient, Client, Refused, Unreachable
from slipstream import client as client_module
from tests.support.archive import ENDINGS, outage
from tests.support.builders import NOON
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.lists import keep


@pytest_asyncio.fixture
async def gateway(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


@pytest_asyncio.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(f"http://{gateway.address}", retry_for_s=0, timeout_s=60) as running:
        yield running


def ids(parts: Iterable[bytes]) -> list[str]:
    text = b"".join(parts).decode()
    return [line["orderId"] for line in csv.DictReader(io.StringIO(text, newline=""))]


async def test_a_page_is_filtered_and_counted(client: AsyncClient, archive: Archive) -> None:
    kept = [await keep(archive, ending, minute=i) for i, ending in enumerate(ENDINGS)]
    page = await client.page(status=["failed", "confirmed"], limit=1, total=True)
    unresolved = await client.page(unresolved=True)
    found = await client.page(find=kept[0], unresolved=False)
    signed = await client.page(signature=f"sig-{kept[4]}")
    changed = [order.order_id async for order in client.orders(updated_since=NOON)]

    assert page.total is not None
    assert (page.total.count, page.total.exact) == (3, True)
    assert [order.order_id for order in page.orders] == [kept[2]]
    assert [order.order_id for order in unresolved.orders] == [kept[3]]
    assert unresolved.total is None
    assert [order.order_id for order in found.orders] == [kept[0]]
    assert [order.order_id for order in signed.orders] == [kept[4]]
    assert sorted(changed) == sorted(kept)


async def test_fills_are_listed_to_the_end(
    client: AsyncClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PAGE", 1)
    kept = [await keep(archive, ending) for ending in ENDINGS]
    fills = [fill async for fill in client.fills(venue="raydium")]
    late = [fill async for fill in client.fills(since=NOON + timedelta(days=1))]
    page = await client.fill_page(limit=1, total=True)

    assert [fill.order_id for fill in fills] == [kept[2], kept[0]]
    assert fills[0].vs_quote_bps is not None
    assert late == []
    assert page.total is not None
    assert page.total.count == 2


async def test_an_order_tells_itself(client: AsyncClient, archive: Archive) -> None:
    order = await client.get(await keep(archive, "unresolved"))

    assert order.summary.startswith("Swaps 1.5 SOL")
    assert order.next is not None
    assert [action.name for action in order.actions] == ["cancel"]
    assert order.route is not None
    assert (order.route.runner_up, order.quotes[0].net_out) == ("meteora", order.route.net_out)


async def test_files_that_were_cut_are_one_with_one_header(
    client: AsyncClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "EXPORTED", 3)
    monkeypatch.setattr(exports, "PAGE", 2)
    kept = [await keep(archive, minute=minute) for minute in range(8)]
    every = ids([part async for part in client.orders_csv()])
    some = ids([part async for part in client.orders_csv(limit=2)])
    fills = ids([part async for part in client.fills_csv(since=NOON)])

    assert every == kept[::-1]
    assert some == kept[:-3:-1]
    assert sorted(fills) == sorted(kept)


async def test_the_client_that_waits_writes_files_too(gateway: Gateway, archive: Archive) -> None:
    kept = await keep(archive)
    with Client(f"http://{gateway.address}") as client:
        orders = await asyncio.to_thread(lambda: ids(client.orders_csv(find=kept)))
        fills = await asyncio.to_thread(lambda: ids(client.fills_csv()))
        listed = await asyncio.to_thread(lambda: list(client.fills()))
        page = await asyncio.to_thread(lambda: client.fill_page(total=True))

    assert orders == fills == [fill.order_id for fill in listed] == [kept]
    assert page.total is not None


async def test_a_file_that_is_refused_says_why(client: AsyncClient) -> None:
    with pytest.raises(Refused) as refused:
        await anext(client.orders_csv(find="x"))

    assert refused.value.code == "INVALID_QUERY"


async def test_a_file_that_breaks_off_is_no_whole_one(
    client: AsyncClient,
    archive: Archive,
    postgres_url: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paging, "EXPORTED", 1)
    for _ in range(2):
        await keep(archive)
    parts = client.orders_csv()
    assert (await anext(parts)).startswith(b"orderId,")

    with outage(postgres_url, database_url), pytest.raises((Unreachable, Refused)):
        async for _ in parts:
            pass
