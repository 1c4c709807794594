"""An order is placed, watched, found and cancelled on the page, with a pointer or without."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Look
from tests.browser.eyes import REFUSED, Eyes
from tests.browser.stack import Desk, PageStack

pytestmark = pytest.mark.asyncio(loop_scope="session")

_ORDER_ID = re.compile(r"[0-9a-f]{8}-")


async def order_at_the_side(eyes: Eyes) -> str:
    """Return the id of the order that is open at the side."""
    await expect(eyes.page.locator("#shell")).to_have_attribute("data-side", "order")
    await expect(eyes.side()).to_have_attribute("data-order-id", _ORDER_ID)
    return str(await eyes.side().get_attribute("data-order-id"))


async def test_an_order_is_placed_in_the_form_after_its_offers_and_watched_to_its_end(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        await eyes.page.locator("#place-open").click()
        form = eyes.page.get_by_role("form", name="Order")
        await form.get_by_label("Give exactly").fill("2.5")
        await expect(form.locator("output")).to_contain_text("≈")
        await expect(form.locator(".sentence")).to_contain_text("2.5 SOL")
        await eyes.shoot("form with offers")
        await form.get_by_role("button", name="Place order").click()
        order_id = await order_at_the_side(eyes)
        await eyes.has_status(order_id, "confirmed")
        lead = eyes.side().get_by_role("region", name="The order")
        await expect(lead).to_have_attribute("data-status", "confirmed")
        await eyes.shoot("order confirmed")
        order = await stack.order(desk, order_id)

        assert order["amountIn"] == "2.5"
        await expect(lead.get_by_role("heading")).to_contain_text("2.5 SOL")
        await expect(eyes.side().get_by_title(order["signature"])).to_be_visible()


async def test_a_new_user_places_the_first_order_with_one_button(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        await eyes.shoot("first ten seconds")
        await eyes.page.get_by_role("button", name="Place a test order").click()
        order_id = await order_at_the_side(eyes)

        await eyes.has_status(order_id, "confirmed")


async def test_an_order_that_nothing_is_signed_for_is_cancelled(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        with stack.nobody_routes():
            [order_id] = await stack.place(desk)
            await eyes.row(order_id).click()
            await eyes.side().get_by_role("button", name="Cancel order").click()
            await eyes.has_status(order_id, "cancelled")
            await eyes.shoot("order cancelled")

        assert await stack.end_of(desk, order_id) == "cancelled"


async def test_an_order_is_found_by_its_id_and_by_its_signature_also_in_the_archive(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    [order_id] = await stack.place(desk)
    assert await stack.end_of(desk, order_id) == "confirmed"
    signature = (await stack.order(desk, order_id))["signature"]
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        for text in (order_id, signature[:20]):
            await eyes.page.keyboard.press("/")
            await eyes.page.keyboard.type(text)
            await eyes.page.keyboard.press("Enter")
            assert await order_at_the_side(eyes) == order_id
            await eyes.page.keyboard.press("Escape")
            await expect(eyes.page.locator("#shell")).to_have_attribute("data-side", "rail")


async def test_everything_is_done_with_keys_alone_and_focus_returns(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    [first, second] = await stack.place(desk, 2)
    async with look(REFUSED) as eyes:
        keys, shell = eyes.page.keyboard, eyes.page.locator("#shell")
        await eyes.page.goto(f"http://{stack.guarded.address}/")
        await expect(eyes.page.get_by_label("API key")).to_be_focused()
        await keys.type(desk.key)
        await keys.press("Enter")
        await eyes.live()
        await eyes.has_status(first, "confirmed")
        await eyes.has_status(second, "confirmed")
        await keys.press("?")
        await expect(eyes.page.get_by_role("dialog")).to_be_visible()
        await eyes.shoot("help")
        await keys.press("Escape")
        await expect(eyes.page.get_by_role("dialog")).not_to_be_visible()
        await expect(eyes.page.locator("body")).to_be_focused()
        await keys.press("j")
        await keys.press("Enter")
        opened = await order_at_the_side(eyes)
        await keys.press("j")
        await expect(eyes.side()).not_to_have_attribute("data-order-id", opened)
        assert {opened, await order_at_the_side(eyes)} == {first, second}
        await keys.press("Escape")
        await expect(shell).to_have_attribute("data-side", "rail")
        await keys.press("n")
        await expect(shell).to_have_attribute("data-side", "place")
        await keys.type("0.75")
        await keys.press("Control+Enter")
        third = await order_at_the_side(eyes)
        await eyes.has_status(third, "confirmed")
        await keys.press("Escape")

        assert (await stack.order(desk, third))["amountIn"] == "0.75"
        await expect(shell).to_have_attribute("data-side", "rail")
