"""A whole gateway on a free port, for tests to talk to as a client would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.gateway.__main__ import serve, serving
from services.gateway.access.api_keys import access_for
from services.gateway.wiring import Parts
from shared.archive.archive import Archive
from shared.orders.codec import encode
from shared.orders.events import OrderEvent
from shared.orders.view import public_json
from shared.process.chain import service_chain
from shared.process.listening import bind
from shared.settings import GatewaySettings
from shared.streams.log.appends import Append
from shared.streams.log.creation import Submission
from shared.streams.log.log import Log
from tests.support.builders import submitted
from tests.support.eventually import eventually
from tests.support.servers import NOBODY

EXECUTE = "/api/orders/execute"
ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": "1.5"}


@dataclass(frozen=True)
class Gateway:
    """A running gateway, seen from outside and, for what cannot be seen there, from inside."""

    http: httpx.AsyncClient
    log: Log
    parts: Parts
    address: str
    stop: asyncio.Event

    async def submit(self, **fields: Any) -> str:
        """Place an order and return its id."""
        answer = await self.http.post(EXECUTE, json=ORDER | fields)
        assert answer.status_code == 202, answer.text
        order_id: str = answer.json()["orderId"]
        return order_id

    def hurry(self, deadline_ms: int) -> None:
        """Let it give up on the log sooner from now on: what came before had time."""
        parts, deadline_s = self.parts, deadline_ms / 1_000
        parts.cancel._deadline_s = parts.intake._append._deadline_s = deadline_s
        parts.intake._append._creation._within_s = deadline_s

    async def happen(self, *events: OrderEvent, publish: bool = True) -> None:
        """Put on the log what happens to an order next, and tell its followers."""
        first = events[0]
        await self.log.append(
            "", [Append(order_id=first.order_id, expected=first.version - 1, events=events)]
        )
        if publish:
            await self.publish(*events)

    async def publish(self, *events: OrderEvent) -> None:
        """Tell the followers of an order what happened, as the notifier does."""
        messages = [(e.order_id, public_json(type(e).__name__, encode(e))) for e in events]
        await self.log.client.run(self.log.publishing(messages))

    def follow(self, order_id: str, since: int | str = 0, **options: Any) -> connect:
        """Return a WebSocket that follows an order."""
        return connect(
            f"ws://{self.address}/api/orders/{order_id}/ws?since={since}", proxy=None, **options
        )


@asynccontextmanager
async def running_gateway(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """Run a gateway until the context ends."""
    stop = asyncio.Event()
    log, archive = await Log.open(settings), await Archive.open(settings.database_url)
    listener = bind(settings.http_host, 0)
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    async with service_chain(settings) as chain, serving(listener, settings) as door:
        parts = Parts.make(log, archive, settings, access_for(settings), chain)
        running = asyncio.create_task(serve(door, parts, settings, stop))
        try:
            async with httpx.AsyncClient(base_url=f"http://{address}", timeout=120) as http:
                serves: bool = await eventually(lambda: _serves(http))
                assert serves
                yield Gateway(http, log, parts, address, stop)
        finally:
            stop.set()
            await running
            await archive.close()
            await log.close()


async def _serves(http: httpx.AsyncClient) -> bool:
    return (await http.get("/metrics")).is_success  # As /health answers earlier.


def gateway_settings(redis_url: str, namespace: str, **others: Any) -> GatewaySettings:
    """Return settings for a gateway without a Postgres, that has time."""
    given = {
        "database_url": NOBODY,
        "partitions": 4,
        "redis_timeout_s": 60,
        "accept_deadline_ms": 60_000,  # Only ends what hangs.
        "drain_s": 2,
        "compat": False,  # What is tested is our own API; the dialects have tests of their own.
    }
    return GatewaySettings.model_validate(
        {"redis_url": redis_url, "namespace": namespace, **given, **others}
    )


async def tell_time(gateway: Gateway) -> None:
    """Let a gateway know the clock of its Redis, as the first order in each partition does."""
    late = [Submission(event=submitted(), until_ms=0) for _ in range(200)]
    await gateway.parts.intake._append._creation.submit(late)


async def events_on(log: Log) -> int:
    """Return how many events the log holds, of whatever order."""
    streams = [log.keys.log(partition) for partition in range(log.keys.partitions)]
    return sum(await log.client.run([("XLEN", stream) for stream in streams]))


async def handshake(url: str, **options: Any) -> int:
    """Return the status that a WebSocket is answered with: 101 opens it."""
    try:
        async with connect(url, proxy=None, **options):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def drain(socket: ClientConnection) -> tuple[list[str], int | None]:
    """Return every message until the gateway closes, and its close code."""
    messages = []
    try:
        while True:
            messages.append(str(await socket.recv()))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code if closed.rcvd else None
