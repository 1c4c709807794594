"""Frame times of the page with a long list, while events come."""

from __future__ import annotations

import asyncio

import httpx
from playwright.async_api import Page

from bench.ours import Slipstream
from bench.page.load import load
from bench.page.watched import Drawn, begin, opened, taken

BOUND_MS = 200.0
_EVENTS_AN_ORDER = 6
_BATCH = 500
_ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": "1.5", "maxSlippageBps": 100}
_WHEEL_PX, _WHEEL_EVERY_S = 600, 0.1


async def frames(system: Slipstream, orders: int, events: float, seconds: float) -> bool:
    """Return whether no task of the page took longer than 200 ms."""
    await _place(system.url, orders)
    rate = events / _EVENTS_AN_ORDER
    async with opened(system.url) as page:
        await begin(page)
        await load(system.url, rate, seconds / 2)
        resting = await taken(page)
        await page.get_by_role("grid").hover()
        scrolling = asyncio.create_task(_scroll(page))
        try:
            await load(system.url, rate, seconds / 2)
        finally:
            scrolling.cancel()
        scrolled = await taken(page)
        rows = await page.locator("[data-order-id]").count()
    system.say("at rest", f"{resting}")
    system.say("scrolled", f"{scrolled}")
    system.say("rows", f"{rows} in the document, of {orders:,} orders and those that came")
    return _judge(system, resting, scrolled)


async def _place(url: str, orders: int) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
        for start in range(0, orders, _BATCH):
            batch = {"orders": [_ORDER] * min(_BATCH, orders - start)}
            (await http.post("/api/orders/batch", json=batch)).raise_for_status()


async def _scroll(page: Page) -> None:
    while True:
        await page.mouse.wheel(0, _WHEEL_PX)
        await asyncio.sleep(_WHEEL_EVERY_S)


def _judge(system: Slipstream, *seen: Drawn) -> bool:
    worst = max((ms for each in seen for ms in each.long_tasks_ms), default=0.0)
    held = worst <= BOUND_MS
    words = f"the longest task took {worst:,.0f} ms" if worst else "no task took over 50 ms"
    system.say("ok" if held else "broken", f"{words}; the bound is {BOUND_MS:g} ms")
    return held
