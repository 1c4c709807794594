"""A person at the page: what can be done and seen there, by the names that people read."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Locator, Page, expect

from tests.support.browser import Complaints
from tests.support.processes import ROOT

SHOTS = ROOT / ".browser"
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# Complaints that belong to what a test does: a page without a key, and a gateway that goes and
# comes back, which does not know everything at once.
REFUSED = r"status of 401"
RESTARTED = (r"ERR_CONNECTION_|ERR_EMPTY_RESPONSE|WebSocket connection", r"status of 503")
_GRAVE = {"serious", "critical"}
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
# What is grave is in these rules, and nothing but contrast differs between the themes.
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RULES = {
    "light": {"type": "tag", "values": _WCAG},
    "dark": {"type": "rule", "values": ["color-contrast"]},
}
_RUN_AXE = """async runOnly => {
  const asked = { resultTypes: ["violations"], runOnly, preload: false };
  const found = await axe.run(document, asked);
  return found.violations.map(({ id, impact, nodes }) =>
    [impact, `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`]);
}"""
# A page moves while something of it is animated without having been asked to.
_MOVES = """() => document.getAnimations()
  .filter(({ playState, effect }) => playState === "running" && effect.getTiming().duration > 1)
  .map(({ animationName, transitionProperty, effect }) =>
    `${animationName ?? transitionProperty} of ${effect.target?.className}`)"""
# Text may end in dots, and what is meant to scroll may be as wide as it likes.
_NARROW = """() => {
  const may = box =>
    box.matches("pre, .filters, .figures") || getComputedStyle(box).textOverflow === "ellipsis";
  const wide = [...document.querySelectorAll("body *")].filter(node => {
    const { right, width } = node.getBoundingClientRect();
    if (!width || right <= innerWidth + 1 || !node.checkVisibility()) return false;
    for (let box = node; box; box = box.parentElement) if (may(box)) return false;
    return !node.closest(".sr, .tape, [aria-hidden=true]");
  });
  const across = document.documentElement.scrollWidth > innerWidth;
  return [across, wide.map(node => node.outerHTML.slice(0, 80))];
}"""
_SMALL = """least => [...document.querySelectorAll("button, a[href], input, select, summary")]
  .filter(node => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .filter(node => !node.closest(".sr, .skip, p"))
  .map(node => [node.getBoundingClientRect(), node.outerHTML.slice(0, 90)])
  .filter(([box]) => box.width && (box.width < least || box.height < least))
  .map(([box, html]) => `${box.width.toFixed(0)} x ${box.height.toFixed(0)}: ${html}`)"""

expect.set_options(timeout=60_000)  # Only ends what hangs.


class Eyes:
    """One page. `complaints` are the browser's."""

    def __init__(self, page: Page, complaints: Complaints) -> None:
        self.page = page
        self.complaints = complaints

    async def open(self, address: str, key: str | None = None) -> None:
        """Go to the page of a gateway, sign in where a key is given, and wait until it is live."""
        await self.page.goto(f"http://{address}/")
        if key is not None:
            await self.sign_in(key)
        await self.live()

    async def sign_in(self, key: str) -> None:
        """Give a key. The pointer stays where it is: over the list, it would hold it still."""
        await self.page.get_by_label("API key").fill(key)
        await self.page.get_by_label("API key").press("Enter")

    async def live(self) -> None:
        await expect(self.page.locator("html")).to_have_attribute("data-link", "live")

    def row(self, order_id: str) -> Locator:
        return self.page.locator(f'#orders [data-order-id="{order_id}"]:not([hidden])')

    async def has_status(self, order_id: str, status: str) -> None:
        await expect(self.row(order_id)).to_have_attribute("data-status", status)

    def side(self) -> Locator:
        return self.page.locator("#side")

    async def rows_drawn(self) -> int:
        """Return how many rows of the list are in the document, whether seen or not."""
        return await self.page.locator("#orders [role=row][data-order-id]").count()

    async def shoot(self, name: str) -> None:
        """Keep a picture of what is to be seen, for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=_file(name))

    async def axe(self, theme: Theme) -> list[str]:
        """Return what makes the page hard to use for many, after axe-core's rules."""
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(_AXE)
        found: Sequence[tuple[str, str]] = await self.page.evaluate(_RUN_AXE, _RULES[theme])
        return [what for impact, what in found if impact in _GRAVE]

    async def moving(self) -> list[str]:
        return list(await self.page.evaluate(_MOVES))

    async def too_wide(self) -> list[Any]:
        """Return what makes the page scroll sideways."""
        across, what = await self.page.evaluate(_NARROW)
        return [*(["the document"] if across else []), *what]

    async def too_small(self, least_px: int) -> list[str]:
        """Return what is to be hit and is smaller than that."""
        return list(await self.page.evaluate(_SMALL, least_px))


def _file(name: str) -> Path:
    return SHOTS / f"{name.replace(' ', '-')}.png"
