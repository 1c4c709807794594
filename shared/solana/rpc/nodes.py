"""Several URLs of one chain, in the order of preference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

from shared.solana.rpc.errors import ChainAway, NodeAway, NoneIsOurs, RpcError, WrongChain
from shared.solana.rpc.node import Call, Node

_CONNECTIONS = 32  # To one URL.


class Nodes:
    """Asks the first URL that is well, or each where all count. An async context manager."""

    def __init__(
        self, urls: Sequence[str], *, why_foreign: Callable[[str], str], timeout_s: float
    ) -> None:
        """`why_foreign` tells by its genesis hash why a URL is not one of the chain, or nothing."""
        self.urls = urls
        self._make: Callable[[str, aiohttp.ClientSession], Node] = lambda url, session: Node(
            url, session, why_foreign=why_foreign, timeout_s=timeout_s
        )
        self._session: aiohttp.ClientSession | None = None
        self.all: list[Node] = []
        self._late: set[asyncio.Task[list[Any] | None]] = set()

    async def __aenter__(self) -> Self:
        """Open the session; no URL is asked before somebody asks."""
        session = self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit_per_host=_CONNECTIONS),
            auto_decompress=True,
        )
        self.all = [self._make(url, session) for url in self.urls]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        for task in self._late:
            task.cancel()
        if self._session is not None:
            await self._session.close()

    @property
    def are_away(self) -> bool:
        """Return whether every URL gave no answer when it was last asked."""
        return bool(self.all) and all(node.why for node in self.all)

    async def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Return one URL's answers, as `Node.ask` does.

        Raises `ChainAway` when none answers, `NoneIsOurs` where all are of another chain.
        """
        # Those at rest come last, the first to wake up first: one may be back already.
        order = sorted(self.all, key=lambda node: node.rests_until if node.rests else 0.0)
        errors: dict[str, NodeAway] = {}
        for node in order:
            try:
                return await node.ask(calls)
            except NodeAway as error:
                errors[node.name] = error
        said = "; ".join(f"{name}: {error}" for name, error in errors.items())
        if errors and all(isinstance(error, WrongChain) for error in errors.values()):
            raise NoneIsOurs(said)
        raise ChainAway(said)

    async def ask_each(self, calls: Sequence[Call]) -> list[list[Any] | None]:
        """Return the answers of each URL, in order, and None for one that is away."""
        return list(await asyncio.gather(*(_or_none(node, calls) for node in self.all)))

    async def hand_out(self, calls: Sequence[Call]) -> list[Any]:
        """Make the calls at every URL, and return the best answers once one URL took them all.

        The others go on by themselves. Raises `ChainAway` when none answers.
        """
        asked = {asyncio.create_task(_or_none(node, calls)) for node in self.all}
        self._late |= asked
        best: list[Any] | None = None
        for task in asked:
            task.add_done_callback(self._late.discard)
        while asked and (best is None or any(isinstance(one, RpcError) for one in best)):
            done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                best = _better(best, task.result())
        if best is None:
            raise ChainAway("; ".join(f"{node.name}: {node.why}" for node in self.all))
        return best


def _better(best: list[Any] | None, other: list[Any] | None) -> list[Any] | None:
    if best is None or other is None:
        return best or other
    return [
        that if isinstance(this, RpcError) else this for this, that in zip(best, other, strict=True)
    ]


async def _or_none(node: Node, calls: Sequence[Call]) -> list[Any] | None:
    try:
        return await node.ask(calls)
    except NodeAway:
        return None
