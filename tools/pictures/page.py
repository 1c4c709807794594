"""The page at `/` as a browser shows it while orders run, light and dark."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Page

from tests.support.browser import browser, visit

_SIZE = {"width": 1440, "height": 900}
_THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_LIVE_S = 45.0  # Lines of figures and prices grow from when the page is opened.
_FIFTH = '#orders [aria-rowindex="6"]:not([hidden])'  # The heading is a row, too.
_WITHIN_MS = 60_000


async def pictures(url: str, load: Sequence[str], env: Mapping[str, str], there: Path) -> None:
    """Write `page-light.png` and `page-dark.png`: some load, and one order open."""
    async with (
        browser() as chromium,
        visit(chromium, viewport=_SIZE) as (page, _),
        _running(load, env),
    ):
        await page.goto(url)
        await page.locator('html[data-link="live"]').wait_for(timeout=_WITHIN_MS)
        await asyncio.sleep(_LIVE_S)
        await _open_an_order(page)
        for theme in _THEMES:
            await page.emulate_media(color_scheme=theme)
            await page.screenshot(path=there / f"page-{theme}.png")


async def _open_an_order(page: Page) -> None:
    await page.locator(_FIFTH).click()
    await page.locator('.lead[data-status="confirmed"]').wait_for(timeout=_WITHIN_MS)
    await page.mouse.move(0, 0)


@asynccontextmanager
async def _running(words: Sequence[str], env: Mapping[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(*words, env=env, stdout=DEVNULL, stderr=DEVNULL)
    try:
        yield
    finally:
        process.kill()
        await process.wait()
