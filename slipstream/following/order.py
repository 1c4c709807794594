"""Follow one order: every event once and in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from urllib.parse import quote

from msgspec import Struct

from slipstream.following.connection import Broken, Patience, messages
from slipstream.models import Event, event_of


class Following(Struct, frozen=True, kw_only=True):
    """An order to follow, and how.

    A gateway may be away for `patience_s` seconds; `lost` is told of each broken connection.
    """

    url: str
    headers: Mapping[str, str]
    order_id: str
    since: int
    patience_s: float
    lost: Callable[[str], None]

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield each event behind version `since`, until the order's end.

        A broken connection is resumed behind the last event. Raises `Refused` when the order
        cannot be followed, `Unreachable` when no gateway answers for too long.
        """
        version, patience = self.since, Patience(self.url, self.patience_s, self.lost)
        while True:
            try:
                async with aclosing(self._connection(version)) as events:
                    async for event in events:
                        version = event.version
                        patience.heard()
                        yield event
            except Broken as error:
                await patience.broke(error)
            else:
                return

    async def _connection(self, version: int) -> AsyncGenerator[Event, None]:
        """Yield what one connection brings. It ends when the order does, and raises else."""
        path = f"/api/orders/{quote(self.order_id, safe='')}/ws?since={version}"
        async with aclosing(messages(self.url, path, self.headers)) as said:
            async for fields in said:
                if "version" not in fields:
                    continue  # A pong, or something that newer gateways say.
                event = event_of(fields)
                if event.version > version + 1:
                    raise Broken(f"version {version + 1} is missing")
                if event.version == version + 1:
                    version = event.version
                    yield event
