"""Talking with a gateway over a socket that serves many orders."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from shared.orders.events import OrderEvent
from tests.support.builders import Ending, history
from tests.support.gateway import Gateway

MANY = "/api/orders/ws"


def opened(gateway: Gateway, path: str = MANY, **options: Any) -> connect:
    return connect(f"ws://{gateway.address}{path}", proxy=None, **options)


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def hear_until(socket: ClientConnection, *markers: str) -> list[dict[str, Any]]:
    """Return what is said until each marker has come once."""
    heard, missing = [], list(markers)
    while missing:
        heard.append(await hear(socket))
        if heard[-1].get("marker") in missing:
            missing.remove(heard[-1]["marker"])
    return heard


async def rest_of(gateway: Gateway, ending: Ending = "confirmed") -> list[OrderEvent]:
    """Place an order and return what is to happen to it next."""
    return history(await gateway.submit(), ending=ending)[1:]


def versions(heard: Iterable[dict[str, Any]]) -> dict[str, list[int]]:
    """Return the versions of each order's events, as they came."""
    seen: dict[str, list[int]] = defaultdict(list)
    for message in heard:
        if "type" in message:
            seen[message["orderId"]].append(message["version"])
    return dict(seen)


def upto(events: Sequence[OrderEvent]) -> list[int]:
    return list(range(1, events[-1].version + 1))
