"""The list stays small, quick and whole, however many orders there are and whatever goes down."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Look
from tests.browser.crowd import gather
from tests.browser.eyes import REFUSED, RESTARTED
from tests.browser.stack import Desk, PageStack
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TALL = {"width": 1440, "height": 1600}
_MOST_ROWS = 80  # What is in sight, some above and below, and those that wait to be used again.
# As after a log was begun anew with another number of partitions.
_ANOTHER_LOG = """
const { WebSocket } = window;
window.WebSocket = class extends WebSocket {
  constructor(url) { super(String(url).replace(/cursor=[^&]+/, "cursor=another")); }
};
"""
_TO_THE_END = "grid => { grid.scrollTop = grid.scrollHeight; }"


async def test_a_gateway_is_killed_and_comes_back_and_no_order_is_missed(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(*RESTARTED, viewport=_TALL) as eyes:
        sockets: list[str] = []
        eyes.page.on("websocket", lambda socket: sockets.append(socket.url))
        await eyes.open(stack.open.address)
        [before] = await stack.place(desk)
        stack.open.kill()
        meanwhile = await stack.place(desk, 12) + await stack.place(
            desk, 8, tokenIn="USDC", tokenOut="SOL"
        )
        await expect(eyes.page.locator("#banner")).to_contain_text("Connection lost")
        await eyes.shoot("gateway killed")
        stack.open.start_again()
        await stack.open.ready()
        await eyes.live()

        for order_id in (before, *meanwhile):
            await eyes.has_status(order_id, await stack.end_of(desk, order_id))
        await expect(eyes.page.locator("#banner")).to_be_empty()
        assert ["cursor=" in url for url in (sockets[0], sockets[-1])] == [False, True]


async def test_a_cursor_that_the_gateway_refuses_is_dropped_and_no_order_is_missed(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(*RESTARTED, viewport=_TALL) as eyes:
        await eyes.page.add_init_script(_ANOTHER_LOG)
        await eyes.open(stack.open.address)
        stack.open.kill()
        [meanwhile] = await stack.place(desk)
        stack.open.start_again()
        await stack.open.ready()
        await eyes.live()

        await eyes.has_status(meanwhile, await stack.end_of(desk, meanwhile))


async def test_of_ten_thousand_orders_a_few_dozen_are_drawn_and_all_can_be_reached(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    gather(stack.database_url, desk.account, 10_000)
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        grid = eyes.page.get_by_role("grid")

        async def reached() -> bool:
            await grid.evaluate(_TO_THE_END)
            assert await eyes.rows_drawn() <= _MOST_ROWS
            return await grid.get_attribute("aria-rowcount") == "10001"

        assert await eventually(reached)
        await eyes.shoot("ten thousand orders")


async def test_a_burst_of_events_is_shown_to_its_end_in_few_rows(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    gather(stack.database_url, desk.account, 1_000)
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        placed = await stack.place(desk, 120)
        newest = await eventually(lambda: stack.newest_ended(desk, placed))

        for order_id, status in newest.items():
            await eyes.has_status(order_id, status)
        assert await eyes.rows_drawn() <= _MOST_ROWS
