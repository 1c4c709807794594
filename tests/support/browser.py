"""A real browser, driven by Playwright: Debian's chromium. It reaches this machine only."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.support.programs import needed

# `evil.example` is a name that its owner lets stand for this machine; no other name leads anywhere.
_NAMES = "MAP evil.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
_OPTIONS = ("--disable-gpu", "--disable-background-networking", f"--host-resolver-rules={_NAMES}")
_WAIT_MS = 60_000  # Only ends what hangs.
# A policy that is violated is told to the page, in words that no test needs to guess.
_VIOLATIONS = """
addEventListener("securitypolicyviolation", event =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI || "inline"}`))
"""


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a browser. Its pages are made by `visit`."""
    program = needed("chromium", how="Debian: apt-get install chromium", in_ci=True)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=list(_OPTIONS))
        yield running
        await running.close()


class Complaints:
    """Whatever the browser finds wrong with a page: errors, and violations of its policy."""

    def __init__(self) -> None:
        self._heard: list[str] = []

    def but(self, *expected: str) -> list[str]:
        """Return all but those in which one of these patterns is found."""
        return [one for one in self._heard if not any(re.search(each, one) for each in expected)]

    def watch(self, context: BrowserContext) -> None:
        """Listen to every page of a context from now on."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._heard.append(str(error.error)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._heard)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._heard.append(f"{message.text} ({message.location.get('url', '')})")


@asynccontextmanager
async def visit(browser: Browser, **options: Any) -> AsyncIterator[tuple[Page, Complaints]]:
    """Open a page of its own: no cookie, cache or storage of another; `options` as Playwright's."""
    context = await browser.new_context(**options)
    context.set_default_timeout(_WAIT_MS)
    complaints = Complaints()
    complaints.watch(context)
    await context.add_init_script(_VIOLATIONS)
    try:
        yield await context.new_page(), complaints
    finally:
        await context.close()
