"""All orders of an account over one connection: each event once, whoever's it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.gateway.access.api_keys import line_for, new_key
from services.gateway.streaming import feed
from tests.support.accounts import STREAM, account, versions
from tests.support.eventually import eventually
from tests.support.gateway import ORDER, Gateway, gateway_settings, handshake, running_gateway
from tests.support.talk import rest_of, upto

EXECUTE = "/api/orders/execute"


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(gateway_settings(redis_url, namespace)) as running:
        yield running


@pytest.fixture
def keys() -> dict[str, str]:
    return {name: new_key() for name in ("acme", "bolt", "root")}


@pytest_asyncio.fixture
async def guarded(
    redis_url: str, namespace: str, tmp_path: Path, keys: dict[str, str]
) -> AsyncIterator[Gateway]:
    """Return a gateway that two accounts and an admin have keys for."""
    file = tmp_path / "keys"
    write_keys(file, keys)
    settings = gateway_settings(redis_url, namespace, api_keys_file=str(file))
    async with running_gateway(settings) as running:
        yield running


def write_keys(file: Path, keys: dict[str, str]) -> None:
    lines = [
        line_for(key, name, "admin" if name == "root" else "trade", name)
        for name, key in keys.items()
    ]
    file.write_text("".join(f"{line}\n" for line in lines))


async def placed_by(gateway: Gateway, key: str) -> str:
    answer = await gateway.http.post(
        EXECUTE, json=ORDER, headers={"Authorization": f"Bearer {key}"}
    )
    order_id: str = answer.json()["orderId"]
    return order_id


async def test_every_event_of_every_order_comes_once_and_in_order(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        orders = [await rest_of(gateway) for _ in range(20)]
        for happening in zip(*orders, strict=True):
            for event in happening:
                await gateway.happen(event, publish=False)
        await stream.until(lambda s: len(s.events) >= 20 * len(orders[0]) + 20)

    assert versions(stream.events) == {events[0].order_id: upto(events) for events in orders}


async def test_an_event_is_told_as_the_order_itself_tells_it(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        events = await rest_of(gateway)
        await gateway.happen(*events, publish=False)
        await stream.until(lambda s: len(s.events) > len(events))
    listed = (await gateway.http.get(f"/api/orders/{events[0].order_id}/events")).json()

    assert stream.events == listed


async def test_the_first_message_tells_whose_orders_are_followed(
    guarded: Gateway, keys: dict[str, str]
) -> None:
    async with account(guarded.address, key=keys["acme"]) as own:
        pass
    async with account(guarded.address, key=keys["root"]) as everybody:
        pass

    assert own.messages[0].keys() == {"stream", "epoch", "cursor", "account"}
    assert (own.messages[0]["stream"], own.messages[0]["account"]) == ("open", "acme")
    assert everybody.messages[0]["account"] is None
    assert everybody.messages[0]["epoch"] == own.messages[0]["epoch"]


async def test_orders_of_another_account_are_never_shown(
    guarded: Gateway, keys: dict[str, str]
) -> None:
    async with (
        account(guarded.address, key=keys["acme"]) as acme,
        account(guarded.address, key=keys["root"]) as everybody,
        account(guarded.address, key=keys["root"], account="bolt") as only_bolt,
    ):
        theirs = await placed_by(guarded, keys["bolt"])
        mine = await placed_by(guarded, keys["acme"])
        await everybody.until(lambda s: len(s.events) == 2)
        await acme.until(lambda s: s.events)
        await only_bolt.until(lambda s: s.events)

    assert versions(acme.events) == {mine: [1]}
    assert versions(only_bolt.events) == {theirs: [1]}
    assert versions(everybody.events) == {mine: [1], theirs: [1]}


async def test_only_an_admin_may_follow_another_account(
    guarded: Gateway, keys: dict[str, str]
) -> None:
    async with account(guarded.address, key=keys["acme"], account="bolt") as stream:
        code = await stream.end()

    assert stream.messages[0]["code"] == "FORBIDDEN"
    assert code == 4403


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"cursor": "AQ"},
        {"coalesce": "99"},
        {"coalesce": "1e3"},
        {"account": "a b"},
        {"sinse": "1"},
    ],
)
async def test_a_wrong_query_is_refused(gateway: Gateway, query: dict[str, Any]) -> None:
    answer = await gateway.http.get(STREAM, params=query)
    async with account(gateway.address, **query) as stream:
        code = await stream.end()

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(query))
    assert (stream.messages[0]["code"], code) == ("INVALID_QUERY", 4400)


async def test_a_stream_of_server_sent_events_has_the_same_messages(gateway: Gateway) -> None:
    async with gateway.http.stream("GET", STREAM) as response:
        lines = response.aiter_lines()
        first = await next_event(lines)
        order_id = await gateway.submit()
        second = await next_event(lines)

    assert response.headers["content-type"] == "text/event-stream"
    assert first[1]["stream"] == "open"
    assert versions(second[1]["events"]) == {order_id: [1]}
    assert [cursor for cursor, _ in (first, second)] == [first[1]["cursor"], second[1]["cursor"]]


async def next_event(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    cursor = ""
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            cursor = value
        elif name == "data":
            return cursor, json.loads(value)
    raise EOFError


async def test_where_nothing_happens_a_cursor_is_a_sign_of_life(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "QUIET_S", 0.05)
    async with account(gateway.address) as stream:
        await stream.hear()

    assert stream.messages[1].keys() == {"cursor"}


async def test_a_key_that_is_revoked_follows_nothing_more(
    guarded: Gateway, keys: dict[str, str], tmp_path: Path
) -> None:
    async with account(guarded.address, key=keys["acme"]) as stream:
        write_keys(tmp_path / "keys", {name: keys[name] for name in ("bolt", "root")})
        code = await stream.end()

    assert code == 4401


async def test_a_gateway_that_leaves_says_so(redis_url: str, namespace: str) -> None:
    async with (
        running_gateway(gateway_settings(redis_url, namespace)) as leaving,
        account(leaving.address) as stream,
    ):
        leaving.stop.set()
        code = await stream.end()

    assert code == 1012


async def test_nobody_reads_the_log_while_nobody_follows(gateway: Gateway) -> None:
    async with account(gateway.address):
        assert gateway.parts.feed.at is not None

    await eventually(lambda: gateway.parts.feed.at is None)


async def test_how_orders_stand_is_told_once_a_period(gateway: Gateway) -> None:
    async with account(gateway.address, coalesce=100) as stream:
        orders = [await rest_of(gateway) for _ in range(5)]
        for events in orders:
            await gateway.happen(*events, publish=False)
        await stream.until(
            lambda s: [row["status"] for row in s.rows.values()] == ["confirmed"] * 5
        )

    assert not stream.events
    assert {row["orderId"]: row["version"] for row in stream.rows.values()} == {
        events[0].order_id: events[-1].version for events in orders
    }


async def test_an_order_that_began_before_is_told_whole(gateway: Gateway) -> None:
    events = await rest_of(gateway)
    async with account(gateway.address, coalesce=100) as stream:
        await gateway.happen(*events, publish=False)
        await stream.until(lambda s: s.rows)
        [row] = stream.rows.values()
    order = (await gateway.http.get(f"/api/orders/{events[0].order_id}")).json()

    assert {name: row[name] for name in row.keys() & order.keys()} == {
        name: order[name] for name in row.keys() & order.keys()
    }


async def test_a_stream_counts_as_a_socket(redis_url: str, namespace: str) -> None:
    settings = gateway_settings(redis_url, namespace, max_sockets=1)
    async with running_gateway(settings) as gateway, account(gateway.address):
        refused = await handshake(f"ws://{gateway.address}{STREAM}")

    assert refused == 503
