"""Several URLs of one chain, in the order of preference."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import aiohttp

from shared.solana.rpc.errors import ChainAway, NodeAway, NoneIsOurs, RpcError, WrongChain
from shared.solana.rpc.node import Node
from shared.solana.rpc.replies import Call

_CONNECTIONS = 32  # To one URL.
_MOST_LATE: Final = 256  # Questions that are still open when somebody else has answered.
_PROBE: Final = Call("getSlot", [{"commitment": "processed"}], int)


class _Asked(NamedTuple):
    node: Node
    since: float


class Nodes:
    """Asks the first URL that is well, or each where all count. An async context manager."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        why_foreign: Callable[[str], str],
        timeout_s: float,
        most_behind: int = 25,
    ) -> None:
        """`why_foreign` judges a URL by its genesis hash: "" says that it is one of the chain.

        What is more than `most_behind` slots older than what another URL has told is no answer.
        """
        self.urls = urls
        self._make: Callable[[str, aiohttp.ClientSession], Node] = lambda url, session: Node(
            url, session, why_foreign=why_foreign, timeout_s=timeout_s
        )
        self._most_behind = most_behind
        self._session: aiohttp.ClientSession | None = None
        self.all: list[Node] = []
        self._late: set[asyncio.Task[Any]] = set()
        self._probing: set[Node] = set()

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

    async def ask(self, calls: Sequence[Call], *, within_s: float | None = None) -> list[Any]:
        """Return one URL's answers, as `Node.ask` does.

        Raises `ChainAway` when none answers, `NoneIsOurs` where all are of another chain. A URL
        that is slower than usual is not waited for: the next is asked as well, and the first answer
        counts. `within_s` bounds the whole.
        """
        if len(self.all) == 1:
            return await self._alone(self.all[0], calls, within_s)
        running: dict[asyncio.Task[list[Any]], _Asked] = {}
        try:
            async with asyncio.timeout(within_s):
                return await self._first(self._in_order(), calls, running)
        except TimeoutError:
            self._note_overtaken(running.values())
            said = f"no node answers within {1_000 * (within_s or 0):.0f} ms"
            raise ChainAway(said) from None
        finally:
            for task in running:
                self._let_finish(task)

    async def ask_each(self, calls: Sequence[Call]) -> list[list[Any] | None]:
        """Return the answers of each URL, in order, and None for one that is away."""
        return list(await asyncio.gather(*(_or_none(node, calls) for node in self.all)))

    async def hand_out(self, calls: Sequence[Call]) -> list[Any]:
        """Make the calls at every URL, and return the best answers once one URL took them all.

        The others go on by themselves. Raises `ChainAway` when none answers.
        """
        asked = {asyncio.create_task(_or_none(node, calls)) for node in self.all}
        for task in asked:
            self._let_finish(task)
        best: list[Any] | None = None
        while asked and (best is None or any(isinstance(one, RpcError) for one in best)):
            done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                best = _better(best, task.result())
        if best is None:
            raise ChainAway("; ".join(f"{node.name}: {node.why}" for node in self.all))
        return best

    async def _alone(self, node: Node, calls: Sequence[Call], within_s: float | None) -> list[Any]:
        try:
            return await node.ask(calls, within_s=within_s)
        except NodeAway as error:
            raise _away({node.name: error}) from None

    def _in_order(self) -> list[Node]:
        """Return the URLs that are well, then the others, the first to wake up first.

        Those that are not well may be by now: they are asked in nobody's time.
        """
        well = [node for node in self.all if node.is_well]
        others = sorted((n for n in self.all if not n.is_well), key=lambda node: node.rests_until)
        now = time.monotonic()
        for node in others if well else ():
            if node.rests_until <= now and node not in self._probing:
                self._probing.add(node)
                self._let_finish(asyncio.create_task(self._probe(node)))
        return well + others

    async def _probe(self, node: Node) -> None:
        try:
            await _or_none(node, [_PROBE])
        finally:
            self._probing.discard(node)

    async def _first(
        self,
        order: Sequence[Node],
        calls: Sequence[Call],
        running: dict[asyncio.Task[list[Any]], _Asked],
    ) -> list[Any]:
        waiting, errors = deque(order), dict[str, NodeAway]()
        patience_s = 0.0
        while waiting or running:
            if waiting:
                node = waiting.popleft()
                patience_s = node.standing.patience_s
                least = self._newest(but=node) - self._most_behind
                task = asyncio.create_task(node.ask(calls, least_slot=least))
                running[task] = _Asked(node, time.monotonic())
            done, _ = await asyncio.wait(
                running,
                timeout=patience_s if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                node, _ = running.pop(task)
                try:
                    answers = task.result()
                except NodeAway as error:
                    errors[node.name] = error
                else:
                    self._note_overtaken(running.values())
                    return answers
        raise _away(errors)

    @staticmethod
    def _note_overtaken(others: Iterable[_Asked]) -> None:
        now = time.monotonic()
        for node, since in others:
            if now - since >= node.standing.patience_s:
                node.overtaken()

    def _newest(self, but: Node) -> int:
        slots = (node.standing.slot for node in self.all if node is not but and not node.why)
        return max(slots, default=0)

    def _let_finish(self, task: asyncio.Task[Any]) -> None:
        """Let a question end by itself: how it does tells about its node."""
        if len(self._late) >= _MOST_LATE:
            task.cancel()
        self._late.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # Or it would be told as one that nobody has seen.


def _away(errors: Mapping[str, NodeAway]) -> ChainAway:
    """Return what the errors of all URLs, by their names, come to."""
    said = "; ".join(f"{name}: {error}" for name, error in errors.items())
    foreign = errors and all(isinstance(error, WrongChain) for error in errors.values())
    return NoneIsOurs(said) if foreign else ChainAway(said)


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
