"""A real browser, told what to do over its debugging protocol. It reaches this machine only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.eventually import eventually
from tests.support.programs import needed

# `evil.example` is a name that its owner lets stand for this machine; no other name leads anywhere.
_NAMES = "MAP evil.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--no-first-run", "--remote-debugging-port=0", f"--host-resolver-rules={_NAMES}"),
)


class Page:
    """The browser's one page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.complaints: list[str] = []  # What the browser says of pages that do not work.

    async def open(self, url: str) -> None:
        """Go to an address, and wait until its page is loaded."""
        await self._call("Page.navigate", url=url)

        async def loaded() -> bool:
            there = "document.readyState === 'complete' && location.href"
            return str(await self.run(there)).startswith(url)

        assert await eventually(loaded)

    async def run(self, script: str) -> Any:
        """Return what a JavaScript expression becomes. Fails when it raises."""
        done = await self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        async for text in self._socket:
            message = json.loads(text)
            if message.get("method") == "Log.entryAdded":
                self.complaints.append(message["params"]["entry"]["text"])
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
        raise AssertionError("the browser is gone")


@asynccontextmanager
async def browser(directory: Path) -> AsyncIterator[Page]:
    """Run a browser that keeps what it has to keep in a directory."""
    with _running(directory):
        port_file = directory / "DevToolsActivePort"
        assert await eventually(lambda: port_file.exists() and "\n" in port_file.read_text())
        port, _, _ = port_file.read_text().partition("\n")
        async with httpx.AsyncClient(timeout=60) as http:
            targets = (await http.get(f"http://127.0.0.1:{port}/json/list")).json()
        [address] = [one["webSocketDebuggerUrl"] for one in targets if one["type"] == "page"]
        async with connect(address, proxy=None, max_size=None) as socket:
            page = Page(socket)
            await page._call("Log.enable")
            yield page


@contextmanager
def _running(directory: Path) -> Iterator[None]:
    program = needed("chromium", how="Debian: apt-get install chromium", in_ci=True)
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [program, *_OPTIONS, f"--user-data-dir={directory}", "about:blank"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)
