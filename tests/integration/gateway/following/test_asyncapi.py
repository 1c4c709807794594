"""What is said over the sockets is what `docs/asyncapi.json` says of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from services.gateway.following.messages import Misunderstood, read_said
from shared.orders.view import public_json
from shared.streams.log.epoch import begin_epoch
from tests.support.accounts import account
from tests.support.builders import history
from tests.support.gateway import ORDER, Gateway, drain, gateway_settings, running_gateway
from tools.asyncapi import asyncapi

Json = dict[str, Any]

DOCUMENT = asyncapi()
HISTORIES = sorted((Path(__file__).parents[3] / "histories").glob("*.jsonl"))
NOBODYS = "0197c1e2-7b5a-7c3d-9e4f-1a2b3c4d5e6f"  # An order id that was never given.


@pytest_asyncio.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(gateway_settings(redis_url, namespace, compat=True)) as running:
        yield running


def names_of(message: Json, operation: str) -> set[str]:
    """Return the messages of an operation that this may be."""
    names = [
        ref["$ref"].rpartition("/")[2] for ref in DOCUMENT["operations"][operation]["messages"]
    ]
    return {
        name
        for name in names
        if jsonschema_rs.is_valid(
            {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}, message
        )
    }


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from references(one)


@pytest.mark.parametrize("reference", sorted(set(references(DOCUMENT))))
def test_every_reference_leads_somewhere(reference: str) -> None:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]

    assert found


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_event_that_was_ever_written_is_described(path: Path) -> None:
    for raw in path.read_bytes().splitlines():
        public = json.loads(public_json(json.loads(raw)["type"], raw))

        assert names_of(public, "send-one") == {"Event"}


async def test_everything_that_is_said_over_a_socket_is_described(gateway: Gateway) -> None:
    order_id = await gateway.submit()
    asked: list[Json] = [
        {"action": "ping"},
        {"action": "ping", "id": 1},
        {"subscribe": order_id, "id": "a"},
        {"unsubscribe": order_id, "id": "b"},
        {"subscribe": order_id, "since": 1, "id": "c", "markers": False},
        {"action": "submit", "order": ORDER, "id": 2},
        {"action": "submit", "order": ORDER | {"tokenOut": "SOL"}, "id": 3},
        {"action": "cancel", "orderId": order_id, "id": 4},
        {"unsubscribe": NOBODYS, "id": 5},
    ]
    told: list[Json] = []
    async with connect(f"ws://{gateway.address}/api/orders/ws", proxy=None) as socket:
        for message in asked:
            await socket.send(json.dumps(message))
        while not {1, "a", "b", "c", 2, 3, 4, 5} <= {one.get("reply") for one in told}:
            told.append(json.loads(await socket.recv()))

    assert [message for message in asked if len(names_of(message, "receive-many")) != 1] == []
    assert [message for message in told if not names_of(message, "send-many")] == []
    assert {name for message in told for name in names_of(message, "send-many")} == {
        *("Event", "Pong", "Marker", "Accepted", "Subscribed", "Cancelled", "Refused")
    }


async def test_everything_that_is_said_about_one_order_is_described(gateway: Gateway) -> None:
    order_id = await gateway.submit()
    await gateway.happen(*history(order_id)[1:])
    async with gateway.follow(order_id) as socket:
        told, _ = await drain(socket)
    async with gateway.follow("nonsense") as socket:
        refused, _ = await drain(socket)

    assert [names_of(json.loads(message), "send-one") for message in told] == [{"Event"}] * len(
        told
    )
    assert [names_of(json.loads(message), "send-one") for message in refused] == [{"Problem"}]


@pytest.mark.parametrize(
    "message",
    [
        {"subscribe": 1},
        {"subscribe": NOBODYS, "since": -1},
        {"subscribe": NOBODYS, "more": 1},
        {"action": "shout"},
        {"action": "ping", "id": 1.5},
    ],
)
def test_what_the_gateway_does_not_understand_is_not_described(message: Json) -> None:
    assert isinstance(read_said(json.dumps(message)), Misunderstood)
    assert names_of(message, "receive-many") == set()


async def test_everything_that_is_said_of_an_account_is_described(gateway: Gateway) -> None:
    async with account(gateway.address) as stream:
        await gateway.submit()
        await stream.until(lambda s: s.events)
        await begin_epoch(gateway.log)
        await stream.until(lambda s: s.losses)
    async with account(gateway.address, coalesce=100) as states:
        await gateway.submit()
        await states.until(lambda s: s.rows)
        await states.until(lambda s: s.messages[-1].keys() == {"cursor"})
    said = [names_of(message, "send-account") for message in (*stream.messages, *states.messages)]

    assert all(len(names) == 1 for names in said)
    assert set().union(*said) == {"Opened", "Events", "Orders", "Quiet", "Lost"}
