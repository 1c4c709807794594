"""Pages in a real browser: those of another origin, those that took our address, and our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from services.gateway.access.api_keys import line_for, new_key
from tests.support.browser import browser, visit
from tests.support.eventually import eventually
from tests.support.gateway import EXECUTE, events_on, gateway_settings, running_gateway

_ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html>"

# What a trading page would do: order, order again, order without a key, and follow by a ticket.
_TRADE = """
(async (api, key) => {
  const post = (path, headers) => fetch(`http://${api}${path}`, {
    method: "POST",
    headers: {"Content-Type": "application/json", "Idempotency-Key": "payment-17", ...headers},
    body: JSON.stringify({tokenIn: "SOL", tokenOut: "USDC", amountIn: "1.5"}),
  });
  const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  const mine = {Authorization: `Bearer ${key}`, traceparent};
  const first = await post("%(execute)s", mine);
  const again = await post("%(execute)s", mine);
  const nobody = await post("%(execute)s", {});
  const {ticket} = await (await post("/api/ws-ticket", mine)).json();
  const where = first.headers.get("Location");
  const socket = new WebSocket(`ws://${api}${where}/ws?since=0&ticket=${ticket}`);
  const event = await new Promise((told, failed) => {
    socket.onmessage = message => told(JSON.parse(message.data));
    socket.onclose = failed;
  });
  return {
    statuses: [first.status, again.status, nobody.status],
    replayed: again.headers.get("Idempotency-Replayed"),
    challenge: nobody.headers.get("WWW-Authenticate"),
    code: (await nobody.json()).code,
    same: where.endsWith(event.orderId),
    event: event.type,
  };
})("%(api)s", "%(key)s")
"""

# Each call a page can make: one that a browser asks about beforehand, and one that it just sends.
_INTRUDE = """
(async api => {
  const kinds = [
    ["POST", "%(execute)s", "application/json"], ["POST", "/api/orders/batch", "text/plain"],
    ["POST", "/api/ws-ticket", "text/plain"], ["GET", "/api/orders", null],
  ];
  const ask = async ([method, path, kind]) => {
    const sent = kind ? {headers: {"Content-Type": kind}, body: "{}"} : {};
    const answer = await fetch(api + path, {method, ...sent});
    return (await answer.json()).code;
  };
  const asked = await Promise.all(kinds.map(kind => ask(kind).catch(error => error.name)));
  const address = new URL("/api/orders/ws?since=0", api || location.href);
  address.protocol = "ws:";
  const socket = new WebSocket(address);
  const opened = await new Promise(told => {
    socket.onopen = () => told(true);
    socket.onclose = () => told(false);
  });
  return [...asked, opened];
})("%(api)s")
"""


@asynccontextmanager
async def elsewhere() -> AsyncIterator[str]:
    """Serve an empty page of an origin that is not the gateway's, and yield that origin."""

    served: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        # Browsers open links that they never use. And what is closed unread is reset.
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_ANSWER.encode())
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*filter(None, served))  # The browser is gone by now.


async def test_a_page_of_an_allowed_origin_orders_and_follows(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    key = new_key()
    keys = tmp_path / "keys.jsonl"
    keys.write_text(line_for(key, "mine", "trade", ""))
    async with elsewhere() as origin, browser() as chromium, visit(chromium) as (page, _):
        settings = gateway_settings(
            redis_url, namespace, api_keys_file=str(keys), allowed_origins=origin
        )
        async with running_gateway(settings) as gateway:
            await page.goto(origin)
            api = {"api": gateway.address, "key": key, "execute": EXECUTE}
            found = await page.evaluate(_TRADE % api)

    assert found == {
        "statuses": [202, 202, 401],
        "replayed": "true",
        "challenge": "Bearer",
        "code": "UNAUTHENTICATED",
        "same": True,
        "event": "OrderSubmitted",
    }


async def test_a_page_of_another_origin_or_with_our_address_gets_nowhere(
    redis_url: str, namespace: str
) -> None:
    async with (
        elsewhere() as origin,
        browser() as chromium,
        visit(chromium) as (page, _),
        running_gateway(gateway_settings(redis_url, namespace)) as gateway,
    ):
        await page.goto(origin)
        api = f"http://{gateway.address}"
        foreign = await page.evaluate(_INTRUDE % {"api": api, "execute": EXECUTE})
        _, _, port = gateway.address.partition(":")
        await page.goto(f"http://evil.example:{port}/health")
        rebound = await page.evaluate(_INTRUDE % {"api": "", "execute": EXECUTE})
        placed = await events_on(gateway.log)

    assert foreign == ["TypeError"] * 4 + [False]
    assert rebound == ["HOST_NOT_ALLOWED"] * 4 + [False]
    assert placed == 0


async def test_the_page_of_the_description_works_without_the_internet(
    redis_url: str, namespace: str
) -> None:
    shown = "[...document.querySelectorAll('.opblock-summary-path')].map(e => e.dataset.path)"
    async with (
        browser() as chromium,
        visit(chromium) as (page, complaints),
        running_gateway(gateway_settings(redis_url, namespace)) as gateway,
    ):
        await page.goto(f"http://{gateway.address}/docs")
        paths = await eventually(lambda: page.evaluate(shown))
        described = (await gateway.http.get("/openapi.json")).json()["paths"]

    assert set(paths) == described.keys()
    assert list(complaints) == []
