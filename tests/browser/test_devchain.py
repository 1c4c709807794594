"""The page before a whole stack on a development chain, as `slipstream up` starts it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Look
from tests.support.cli import ON_DEVCHAIN, folder, up

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_order_that_is_placed_on_the_page_lands_on_the_chain(look: Look) -> None:
    env = {**ON_DEVCHAIN, "BLOCK_MS": "50"}
    with folder() as root, up(root / "data", env=env) as running:
        async with look() as eyes:
            await eyes.open(running.stack.gateways[0].removeprefix("http://"))
            await expect(eyes.page.locator("#network")).to_contain_text("DEVCHAIN")
            await eyes.page.get_by_role("button", name="Place a test order").click()
            lead = eyes.side().get_by_role("region", name="The order")
            await expect(lead).to_have_attribute("data-status", "confirmed")
            await expect(lead).to_contain_text("1.5 SOL")
            await eyes.shoot("devchain order")
            await eyes.page.keyboard.press("Escape")
            await eyes.shoot("devchain")
