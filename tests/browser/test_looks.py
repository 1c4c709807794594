"""The page in each of its states is for everybody: by contrast, by names, by size, and at rest."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Look
from tests.browser.eyes import PHONE, REFUSED, RESTARTED, THEMES, Eyes
from tests.browser.stack import Desk, PageStack

pytestmark = pytest.mark.asyncio(loop_scope="session")

_COUNT_FRAMES = """
window.framesAskedFor = 0;
const ask = window.requestAnimationFrame;
window.requestAnimationFrame = drawn => { window.framesAskedFor += 1; return ask(drawn); };
"""
_TOUCH_PX = 24  # The least that anybody hits; what is used most on a phone is larger.


async def seen(eyes: Eyes, state: str) -> list[str]:
    """Return what axe finds in a state of the page, in both themes; keep a picture of each."""
    found = []
    for theme in THEMES:
        await eyes.page.emulate_media(color_scheme=theme)
        await eyes.shoot(f"{state} {theme}")
        found += [f"{state}, {theme}: {what}" for what in await eyes.axe(theme)]
    return found


async def seen_on_a_phone(eyes: Eyes, state: str) -> list[str]:
    """Return also what is wider than the phone, or smaller than a finger."""
    state = f"phone {state}"
    found = await seen(eyes, state)
    found += [f"{state}: too wide: {what}" for what in await eyes.too_wide()]
    return found + [f"{state}: too small: {what}" for what in await eyes.too_small(_TOUCH_PX)]


async def test_axe_finds_nothing_grave_before_and_after_signing_in(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(REFUSED) as eyes:
        await eyes.page.goto(f"http://{stack.guarded.address}/")
        await expect(eyes.page.get_by_label("API key")).to_be_visible()
        found = await seen(eyes, "sign-in")
        await eyes.sign_in(desk.key)
        await eyes.live()
        await expect(eyes.page.get_by_role("button", name="Place a test order")).to_be_visible()
        found += await seen(eyes, "no orders yet")
        await eyes.page.locator("[data-filter=unresolved]").click()
        await expect(eyes.page.get_by_text("No order matches")).to_be_visible()
        found += await seen(eyes, "nothing matches")

    assert found == []


async def test_axe_finds_nothing_grave_in_the_list_an_order_the_form_and_the_rail(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    await stack.place(desk, 2, maxSlippageBps=0)
    await stack.place(desk, 2, tokenIn="USDC", tokenOut="SOL", amountIn="225")
    [order_id] = await stack.place(desk)
    async with look(REFUSED) as eyes:
        await eyes.open(stack.guarded.address, desk.key)
        await eyes.has_status(order_id, "confirmed")
        found = []
        for tab in ("1", "2", "3"):
            await eyes.page.keyboard.press(tab)
            found += await seen(eyes, f"rail {tab}")
        await eyes.page.keyboard.press("n")
        await expect(eyes.side().locator("output")).to_contain_text("≈")
        found += await seen(eyes, "form")
        await eyes.page.keyboard.press("Escape")
        await eyes.row(order_id).click()
        await expect(eyes.side().get_by_role("region", name="The order")).to_contain_text("SOL")
        found += await seen(eyes, "order")
        await eyes.side().locator("summary").last.click()
        found += await seen(eyes, "order with events")

    assert found == []


async def test_axe_finds_nothing_grave_while_the_gateway_is_away(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    [order_id] = await stack.place(desk)
    async with look(*RESTARTED) as eyes:
        await eyes.open(stack.open.address)
        await eyes.has_status(order_id, "confirmed")
        stack.open.kill()
        try:
            await expect(eyes.page.locator("#banner")).to_contain_text("Connection lost")
            found = await seen(eyes, "disconnected")
            await eyes.page.keyboard.press("n")
            waits = eyes.side().get_by_role("button", name="Place order")
            await expect(waits).to_have_attribute("aria-disabled", "true")
            found += await seen(eyes, "form while disconnected")
        finally:
            stack.open.start_again()
            await stack.open.ready()

    assert found == []


async def test_on_a_phone_nothing_scrolls_sideways_and_everything_can_be_hit(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(REFUSED, **PHONE) as eyes:
        await eyes.page.goto(f"http://{stack.guarded.address}/")
        await expect(eyes.page.get_by_label("API key")).to_be_visible()
        found = await seen_on_a_phone(eyes, "sign-in")
        await eyes.sign_in(desk.key)
        await eyes.live()
        found += await seen_on_a_phone(eyes, "no orders yet")
        await stack.place(desk, 4)
        [order_id] = await stack.place(desk)
        await eyes.has_status(order_id, "confirmed")
        found += await seen_on_a_phone(eyes, "list")
        await eyes.row(order_id).tap()
        await expect(eyes.side().get_by_role("region", name="The order")).to_contain_text("SOL")
        found += await seen_on_a_phone(eyes, "order")
        await eyes.side().get_by_role("button", name="Close order").tap()
        for view in await eyes.page.locator("#tabs button").all():
            await view.tap()
            found += await seen_on_a_phone(eyes, f"view {await view.inner_text()}")
            await eyes.page.keyboard.press("Escape")  # A sheet lies over the tabs.

    assert found == []


async def test_with_reduced_motion_nothing_glides_while_orders_run(
    stack: PageStack, desk: Desk, look: Look
) -> None:
    async with look(REFUSED, reduced_motion="reduce") as eyes:
        await eyes.page.add_init_script(_COUNT_FRAMES)
        await eyes.open(stack.guarded.address, desk.key)
        with stack.nobody_routes():
            [order_id] = await stack.place(desk)
            await eyes.has_status(order_id, "pending")
        await eyes.has_status(order_id, "confirmed")

        assert await eyes.page.evaluate("() => window.framesAskedFor") == 0


async def test_what_turns_while_the_gateway_is_away_rests_with_reduced_motion(
    stack: PageStack, look: Look
) -> None:
    async with look(*RESTARTED) as eyes:
        await eyes.open(stack.open.address)
        stack.open.kill()
        try:
            await expect(eyes.page.locator("#banner")).to_contain_text("Connection lost")
            turning = await eyes.moving()
            await eyes.page.emulate_media(reduced_motion="reduce")
            resting = await eyes.moving()
        finally:
            stack.open.start_again()
            await stack.open.ready()

    assert turning != []
    assert resting == []
