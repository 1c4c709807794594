"""The APIs of venues behind HTTP, as a process of their own: they are killed and hang as others do.

`python -m tests.chaos.onchain.apis PORT URL…` answers as Jupiter and as Raydium's API do, by the
pools of the development chain at these URLs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from tests.support.eventually import eventually
from tests.support.jupiter import Jupiter
from tests.support.processes import ROOT
from tests.support.raydium_api import RaydiumApi
from tests.support.servers import free_port
from tests.support.web import Site

_RATE = "3000/minute"
_ANSWER_S = 1.0
_START_S = 60.0


class Apis:
    """Their process, at one address for all."""

    def __init__(self, chain_urls: list[str], output: Path) -> None:
        self._port = free_port()
        self._words = [str(self._port), *chain_urls]
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, object]:
        """Return what services have to know to ask them."""
        url = f"http://127.0.0.1:{self._port}"
        return {
            "jupiter_url": url,
            "jupiter_rate": _RATE,
            "raydium_api_url": url,
            "raydium_api_rate": _RATE,
        }

    async def start(self) -> None:
        """Return once they answer."""
        self._process = self._launched()
        await eventually(self._answers, within_s=_START_S, every_s=0.05)

    def pause(self) -> None:
        """Let them hang."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End them at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _launched(self) -> subprocess.Popen[bytes]:
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", __name__, *self._words],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    async def _answers(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_ANSWER_S) as http:
                await http.get(f"http://127.0.0.1:{self._port}/")
        except httpx.TransportError:
            return False
        return True


class _Chain:
    """The chain as the APIs see it: the first URL that answers."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._http = httpx.Client(trust_env=False, timeout=_ANSWER_S)

    def ask(self, method: str, *params: Any, node: int = 0) -> Any:
        """Return a result. Raises `ValueError` where there is none."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        for url in self._urls[node:]:
            try:
                return self._http.post(url, json=body).raise_for_status().json()["result"]
            except (httpx.HTTPError, LookupError, ValueError):
                continue
        raise ValueError(f"{method} is not answered")


def main(port: int, urls: list[str]) -> None:
    """Serve until told to end."""
    chain: Any = _Chain(urls)
    jupiter, raydium = Jupiter(chain), RaydiumApi(chain)

    async def answers(asked: Any) -> web.StreamResponse:
        if not asked.path.startswith("/swap/"):
            return await raydium(asked)
        try:
            return await jupiter.answers(asked)
        except ValueError:
            return web.Response(status=503)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Site(answers).answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
