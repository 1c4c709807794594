"""Several URLs of one chain, in the order of preference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

from shared.solana.rpc.errors import ChainAway, NodeAway
from shared.solana.rpc.node import Call, Node

_CONNECTIONS = 32  # To one URL.


class Nodes:
    """Asks the first URL that is well, or each where all count. An async context manager."""

    def __init__(self, urls: Sequence[str], *, genesis: str = "", timeout_s: float = 2.0) -> None:
        """`genesis` is the hash of the chain that each must belong to, or nothing."""
        self._urls = urls
        self._make: Callable[[str, aiohttp.ClientSession], Node] = lambda url, session: Node(
            url, session, genesis=genesis, timeout_s=timeout_s
        )
        self._session: aiohttp.ClientSession | None = None
        self.all: list[Node] = []

    async def __aenter__(self) -> Self:
        """Open the session; no URL is asked before somebody asks."""
        session = self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit_per_host=_CONNECTIONS),
            auto_decompress=True,
        )
        self.all = [self._make(url, session) for url in self._urls]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Return one URL's answers, as `Node.ask` does. Raises `ChainAway` when none answers."""
        # Those at rest come last, the first to wake up first: one may be back already.
        order = sorted(self.all, key=lambda node: node.rests_until if node.rests else 0.0)
        said = []
        for node in order:
            try:
                return await node.ask(calls)
            except NodeAway as error:
                said.append(f"{node.name}: {error}")
        raise ChainAway("; ".join(said))

    async def ask_each(self, calls: Sequence[Call]) -> list[list[Any] | None]:
        """Return the answers of each URL, in order, and None for one that is away."""
        return list(await asyncio.gather(*(_or_none(node, calls) for node in self.all)))


async def _or_none(node: Node, calls: Sequence[Call]) -> list[Any] | None:
    try:
        return await node.ask(calls)
    except NodeAway:
        return None
