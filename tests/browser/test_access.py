"""A key shows its own orders and no others, and a page of another origin sees none at all."""

from __future__ import annotations

import pytest
from aiohttp import web
from playwright.async_api import expect

from tests.browser.conftest import Look
from tests.browser.eyes import REFUSED
from tests.browser.stack import Desk, PageStack
from tests.support.web import served

pytestmark = pytest.mark.asyncio(loop_scope="session")

_STORED = (
    "() => [localStorage, sessionStorage].map(store => JSON.stringify(store)) + document.cookie"
)
# All that a page of another origin can try: read, place, follow, and show ours inside itself.
_INTRUDE = """async at => {
  const read = await fetch(`${at}/api/orders`).then(() => "read", () => "failed");
  const placed = await fetch(`${at}/api/orders/execute`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ tokenIn: "SOL", tokenOut: "USDC", amountIn: "1.5" }),
  }).then(() => "placed", () => "failed");
  const events = await new Promise(told => {
    const source = new EventSource(`${at}/api/stream`);
    source.onopen = () => told("opened");
    source.onerror = () => told("failed");
  });
  const socket = await new Promise(told => {
    const opened = new WebSocket(`${at.replace("http", "ws")}/api/stream`);
    opened.onopen = () => told("opened");
    opened.onerror = () => told("failed");
  });
  const frame = document.createElement("iframe");
  const shown = new Promise(told => { frame.onload = told; });
  frame.src = at;
  document.body.append(frame);
  await shown;
  return { read, placed, events, socket };
}"""


async def test_a_wrong_key_is_refused_in_words_and_a_right_one_lets_in(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    [order_id] = await stack.place(desk)
    async with look(REFUSED) as eyes:
        await eyes.page.goto(f"http://{stack.guarded.address}/")
        await eyes.sign_in("slip_wrong")
        refusal = eyes.page.get_by_role("alert").filter(has_text="key")
        await expect(refusal).to_be_visible()
        await eyes.shoot("sign-in wrong key")
        assert await eyes.rows_drawn() == 0
        await eyes.sign_in(desk.key)
        await eyes.live()

        await eyes.has_status(order_id, "confirmed")
        assert desk.key not in await eyes.page.evaluate(_STORED)
        assert desk.key not in eyes.page.url
        await eyes.page.reload()
        await expect(eyes.page.get_by_label("API key")).to_be_visible()


async def test_a_key_that_is_revoked_while_the_page_is_open_sees_nothing_any_more(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    [order_id] = await stack.place(desk)
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        await eyes.has_status(order_id, "confirmed")
        stack.revoke(desk)

        await expect(eyes.page.get_by_label("API key")).to_be_visible()
        await expect(eyes.row(order_id)).not_to_be_visible()
        await eyes.shoot("key revoked")


async def test_orders_of_another_account_are_neither_listed_nor_streamed(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    other = stack.desk()
    before = await stack.place(other)
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        [theirs] = await stack.place(other)
        [mine] = await stack.place(desk)
        await eyes.has_status(mine, "confirmed")

        for order_id in (*before, theirs):
            await expect(eyes.row(order_id)).to_have_count(0)


async def test_a_page_of_another_origin_can_neither_read_place_follow_nor_frame(
    stack: PageStack, look: Look
) -> None:
    async def empty(_request: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><title>elsewhere</title>", content_type="text/html"
        )

    app = web.Application()
    app.router.add_get("/", empty)
    before = stack.open.said("/api/orders/stats")
    async with served(app) as elsewhere, look(".*") as eyes:
        await eyes.page.goto(elsewhere)
        found = await eyes.page.evaluate(_INTRUDE, f"http://{stack.open.address}")

    assert found == {"read": "failed", "placed": "failed", "events": "failed", "socket": "failed"}
    assert any("frame-ancestors" in words for words in eyes.complaints)
    assert stack.open.said("/api/orders/stats") == before
