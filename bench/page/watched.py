"""The page, open in a browser, and how evenly it draws."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from playwright.async_api import Page

from bench.figures import spread
from tests.support.browser import browser, visit

_SIZE = {"width": 1440, "height": 900}
# Tasks over 50 ms are the browser's own notion of long. Frames are counted as they are asked for.
_COUNT = """() => {
  const seen = window.__drawn = { long: [], frames: [], last: performance.now() };
  new PerformanceObserver(list => seen.long.push(...list.getEntries().map(e => e.duration)))
    .observe({ type: "longtask" });
  const frame = now => {
    seen.frames.push(now - seen.last);
    seen.last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
_TAKE = """() => {
  const seen = window.__drawn;
  return [seen.long.splice(0), seen.frames.splice(0)];
}"""


class Drawn(NamedTuple):
    """Times in ms: of each task over 50 ms, and between each two frames."""

    long_tasks_ms: list[float]
    frames_ms: list[float]

    def __str__(self) -> str:
        frames, tasks = spread(self.frames_ms), spread(self.long_tasks_ms)
        points = "  ".join(f"{name} {value:,.1f}" for name, value in frames.items() if name != "n")
        longest = f", the longest {tasks['max']:,.0f} ms" if self.long_tasks_ms else ""
        return f"{frames['n']:,} frames, ms: {points}; {tasks['n']} tasks over 50 ms{longest}"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Page]:
    """Open the page at a gateway and yield it once its list is live."""
    async with browser() as chromium, visit(chromium, viewport=_SIZE) as (page, _):
        await page.goto(url)
        await page.locator('html[data-link="live"]').wait_for()
        yield page


async def begin(page: Page) -> None:
    """Count frames and long tasks from now on."""
    await page.evaluate(_COUNT)


async def taken(page: Page) -> Drawn:
    """Return what was counted since the last time."""
    return Drawn(*await page.evaluate(_TAKE))
