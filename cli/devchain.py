"""The development chain as a server of a local stack, beside Valkey and PostgreSQL."""

from __future__ import annotations

import os

import httpx

from cli.layout import SERVER_GRACE_S, Layout
from cli.plan import LOCAL
from cli.process import Program, ours

_ANSWER_S = 1.0
_HEALTH = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}


class Devchain:
    """One chain and its journal."""

    def __init__(self, layout: Layout, port: int) -> None:
        self.port = port
        self._layout = layout

    @property
    def url(self) -> str:
        """Return where its JSON-RPC answers."""
        return f"http://{LOCAL}:{self.port}"

    def program(self, block_ms: int, market: str) -> Program:
        """Return how to start it."""
        words = ("--port", str(self.port), "--data-dir", str(self._layout.devchain.resolve()))
        return Program(
            name="devchain",
            argv=ours("devchain", *words, "--block-ms", str(block_ms), "--market", market),
            env=os.environ,
            pid_file=self._layout.servers / "devchain.pid",
            log_file=self._layout.logs / "devchain.log",
            grace_s=SERVER_GRACE_S,
        )

    async def answers(self) -> bool:
        """Return whether it has replayed its journal and takes transactions."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_ANSWER_S) as http:
                answer = await http.post(self.url, json=_HEALTH)
                return bool(answer.json().get("result") == "ok")
        except (httpx.HTTPError, ValueError):
            return False
