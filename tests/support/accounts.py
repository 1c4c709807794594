"""Following accounts, as a client does: over a WebSocket, message by message."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

STREAM = "/api/stream"


class Followed:
    """A stream, and all that it has told so far."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []

    @property
    def cursor(self) -> str:
        """Return the cursor of the last message."""
        last: str = self.messages[-1]["cursor"]
        return last

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return every event that was told."""
        return [event for message in self.messages for event in message.get("events", ())]

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Return each order as it was told last."""
        told = [row for message in self.messages for row in message.get("orders", ())]
        return {row["orderId"]: row for row in told}

    @property
    def losses(self) -> list[dict[str, Any]]:
        """Return what was told to be lost."""
        return [message for message in self.messages if "lost" in message]

    async def hear(self) -> dict[str, Any]:
        """Return the next message."""
        self.messages.append(json.loads(await self.socket.recv()))
        return self.messages[-1]

    async def until(self, told: Callable[[Followed], object]) -> Followed:
        """Return once it has told enough."""
        while not told(self):
            await self.hear()
        return self

    async def end(self) -> int | None:
        """Return the code by which it is closed."""
        try:
            while True:
                await self.hear()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@asynccontextmanager
async def account(
    address: str,
    *,
    key: str | None = None,
    deaf: bool = False,
    max_queue: int = 16,
    **query: object,
) -> AsyncIterator[Followed]:
    """Open a stream and hear its first message, unless the client is `deaf`."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"ws://{address}{STREAM}?{urlencode(query)}"
    async with connect(
        url, proxy=None, additional_headers=headers, max_queue=max_queue, max_size=None
    ) as socket:
        followed = Followed(socket)
        if not deaf:
            await followed.hear()
        yield followed


def versions(events: Iterable[dict[str, Any]]) -> dict[str, list[int]]:
    """Return the versions of each order's events, as they came."""
    seen: dict[str, list[int]] = defaultdict(list)
    for event in events:
        seen[event["orderId"]].append(event["version"])
    return dict(seen)
