"""Orders that are looked for: by an id, by a signature, by when they changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.archive.archive import Archive
from shared.orders.events import OrderCancelled
from tests.support.archive import ENDINGS, recorded
from tests.support.builders import NOON, history
from tests.support.gateway import Gateway, gateway_settings, running_gateway
from tests.support.lists import LIST, contradict, ids, keep, page


@pytest_asyncio.fixture
async def gateway(
    redis_url: str, namespace: str, database_url: str, archive: Archive
) -> AsyncIterator[Gateway]:
    settings = gateway_settings(redis_url, namespace, database_url=database_url)
    async with running_gateway(settings) as running:
        yield running


async def test_an_order_is_found_by_its_id_and_by_its_signature(
    gateway: Gateway, archive: Archive
) -> None:
    for ending in ("confirmed", "sent"):
        order_id = await keep(archive, ending)
        await keep(archive, ending)
        for query in (
            {"find": order_id[:-1]},
            {"find": order_id.upper()},
            {"find": f"sig-{order_id}"[:-1]},
            {"signature": f"sig-{order_id}"},
        ):
            assert ids((await page(gateway, **query)).orders) == [order_id], query


async def test_an_order_that_is_found_in_two_ways_is_listed_once(
    gateway: Gateway, archive: Archive
) -> None:
    order_id = await keep(archive, client_order_id="01a")
    found = await page(gateway, find="01a", total="true")

    assert order_id.startswith("01")
    assert ids(found.orders) == [order_id]
    assert found.total is not None
    assert found.total.count == 1


async def test_what_the_chain_contradicts_is_listed_by_itself(
    gateway: Gateway, archive: Archive
) -> None:
    await keep(archive, "failed")
    landed = [await contradict(archive, "failed"), await contradict(archive, "confirmed")]

    assert sorted(ids((await page(gateway, contradicted="true")).orders)) == sorted(landed)


async def test_changes_come_the_oldest_first_and_each_kind_is_among_them(
    gateway: Gateway, archive: Archive
) -> None:
    contradicted = await contradict(archive, "failed")
    await keep(archive, "confirmed")
    pending = await keep(archive, "pending", minute=5)
    first = await page(gateway, updatedSince="2026-01-01T12:01:00Z", limit=1)
    rest = await page(gateway, updatedSince="2026-01-01T12:01:00Z", limit=1, cursor=first.next)

    assert ids(first.orders) == [pending]
    assert ids(rest.orders) == [contradicted]
    assert rest.next is None


async def test_pages_of_changes_bring_every_order_and_what_changes_meanwhile_again(
    gateway: Gateway, archive: Archive
) -> None:
    histories = [history(ending=ending) for ending in (*ENDINGS, "pending", "routed")]
    await archive.store(recorded(*histories))
    query: dict[str, Any] = {"updatedSince": "2026-01-01T12:00:00Z", "limit": 2}
    found = await page(gateway, **query)
    seen = found.orders
    changed = found.orders[0].order_id
    [events] = [events for events in histories if events[0].order_id == changed]
    await archive.store(recorded([OrderCancelled(**events[-1].next(NOON + timedelta(days=1)))]))
    while found.next is not None:
        found = await page(gateway, cursor=found.next, **query)
        seen += found.orders

    assert {order.order_id for order in seen} == {events[0].order_id for events in histories}
    assert ids(seen)[0] == ids(seen)[-1] == changed
    assert [order.updated_at for order in seen] == sorted(order.updated_at for order in seen)


async def test_changes_are_filtered_as_any_list(gateway: Gateway, archive: Archive) -> None:
    kept = [await keep(archive, ending) for ending in ENDINGS]
    since = "2026-01-01T00:00:00Z"

    async def changed(**query: Any) -> set[str]:
        return set(ids((await page(gateway, **{"updatedSince": since, **query})).orders))

    assert await changed() == set(kept)
    assert await changed(status="failed") == {kept[1]}
    assert await changed(find=kept[3][:-1]) == {kept[3]}
    assert await changed(updatedSince="2026-01-02T00:00:00Z") == set()


@pytest.mark.parametrize("query", [{}, {"updatedSince": "2026-01-01T00:00:00Z"}])
async def test_a_cursor_of_another_list_is_refused(
    gateway: Gateway, archive: Archive, query: dict[str, str]
) -> None:
    for _ in range(2):
        await keep(archive)
    other = {} if query else {"updatedSince": "2026-01-01T00:00:00Z"}
    found = await page(gateway, limit=1, **other)
    answer = await gateway.http.get(LIST, params={"cursor": found.next, **query})

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]
