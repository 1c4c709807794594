"""One URL, asked in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from solders.hash import Hash

from shared.concurrency.pause import backoff
from shared.hiding import secrets_of
from shared.observability import metrics
from shared.solana.rpc.errors import NodeAway, RpcError, WrongChain
from shared.solana.rpc.replies import Call, by_number, in_order, slot_of
from shared.solana.rpc.standing import Standing

logger = logging.getLogger(__name__)

_BATCH = 100  # Calls a request: public providers take no more.
_LONGEST_REST_S = 10.0
_PATIENCE = 8  # With other URLs there are, one is waited for such a part of the timeout at most.
_MAX_BYTES = 64 * 1024 * 1024


_GENESIS = Call("getGenesisHash", read=lambda result: str(Hash.from_string(result)))


_encoder = msgspec.json.Encoder()


class Node:
    """One URL of a chain. `name` tells it in logs, where its URL, which may hold a key, must not.

    `why_foreign` tells by its genesis hash why a chain is not ours, or nothing if it is, before
    anything else is asked of the URL.
    """

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        *,
        why_foreign: Callable[[str], str],
        timeout_s: float,
    ) -> None:
        self.name = urlsplit(url).netloc.rpartition("@")[2]
        self._url = url
        self._secrets = secrets_of(url)
        self._session = session
        self._why_foreign = why_foreign
        self._timeout_s = timeout_s
        self.standing = Standing(timeout_s / _PATIENCE)
        self._known = False
        self._pauses = backoff(0.2, _LONGEST_REST_S)
        self.rests_until = 0.0  # By the monotonic clock.
        self._left_alone_until = 0.0
        self.why = ""  # Why it rests.
        self._is_wrong = False  # Whether it was said to be another chain.

    @property
    def is_well(self) -> bool:
        """Return whether it answered when it was last asked, and no other one was quicker."""
        return not self.why and not self.standing.is_slow

    def overtaken(self) -> None:
        """Note that another one has answered in the time that this one takes."""
        if not self.standing.is_slow:
            logger.info("%s is slow: others are asked before it", self.name)
        self.rests_until = time.monotonic() + self.standing.overtaken()

    async def ask(
        self, calls: Sequence[Call], *, least_slot: int = 0, within_s: float | None = None
    ) -> list[Any]:
        """Return the result of each call, in order; an `RpcError` in the place of one refused.

        Raises `NodeAway`, also for an answer of a slot before `least_slot`, and asks nothing while
        the URL wants to be left alone.
        """
        timeout_s = min(self._timeout_s, within_s or self._timeout_s)
        if time.monotonic() < self._left_alone_until:
            raise NodeAway(self.why)
        try:
            if not self._known:
                await self._check_genesis(timeout_s)
            answers: list[Any] = []
            for start in range(0, len(calls), _BATCH):
                some = calls[start : start + _BATCH]
                answers += await self._asked(some, least_slot, timeout_s)
        except NodeAway as error:
            self._rest(error)
            raise
        if self.why:
            logger.info("%s answers again", self.name)
            self.why, self._is_wrong = "", False
            self._pauses = backoff(0.2, _LONGEST_REST_S)
        return answers

    def _rest(self, error: NodeAway) -> None:
        self._known = False  # Another one may answer there when it is back.
        now = time.monotonic()
        self.rests_until = now + max(error.rest_s, next(self._pauses))
        self._left_alone_until = now + error.rest_s
        is_wrong = isinstance(error, WrongChain)
        if not self.why or is_wrong > self._is_wrong:  # It may be down before it is another chain.
            level = logging.ERROR if is_wrong else logging.WARNING
            logger.log(level, "%s is passed over: %s", self.name, error)
        self.why, self._is_wrong = str(error), self._is_wrong or is_wrong
        self._shows(up=False, other_chain=is_wrong)

    async def _check_genesis(self, timeout_s: float) -> None:
        [answer] = await self._asked([_GENESIS], 0, timeout_s)
        if isinstance(answer, RpcError):
            raise NodeAway(f"{_GENESIS.method}: {answer}")
        if why := self._why_foreign(answer):
            raise WrongChain(f"it is another chain: {why}")
        self._known = True
        self._shows(up=True, other_chain=False)

    def _shows(self, *, up: bool, other_chain: bool) -> None:
        metrics.series(metrics.RPC_NODE_UP, self.name).set(up)
        metrics.series(metrics.RPC_NODE_ALIEN, self.name).set(other_chain)

    async def _asked(self, calls: Sequence[Call], least_slot: int, timeout_s: float) -> list[Any]:
        began = time.perf_counter()
        try:
            replies = by_number(await self._post(calls, timeout_s))
            slot = slot_of(replies.values(), least_slot)
            answers = in_order(replies, calls, self._secrets)
        except NodeAway as error:
            self._note(began, {(call.method, error.outcome) for call in calls})
            raise
        self.standing.answered(time.perf_counter() - began, slot)
        said = zip(calls, answers, strict=True)
        self._note(began, {(call.method, _outcome(answer)) for call, answer in said})
        return answers

    def _note(self, began: float, outcomes: Iterable[tuple[str, str]]) -> None:
        spent = time.perf_counter() - began
        for method, outcome in outcomes:
            metrics.series(metrics.RPC_SECONDS, self.name, method, outcome).observe(spent)

    async def _post(self, calls: Sequence[Call], timeout_s: float) -> bytes:
        metrics.RPC_REQUESTS.inc()
        body = [
            {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}
            for number, call in enumerate(calls)
        ]
        try:
            async with self._session.post(
                self._url,
                data=_encoder.encode(body),
                headers={"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,  # A stranger's URL is no node of ours.
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    raise _no(answer)
                content = await answer.content.read(_MAX_BYTES)
                if not answer.content.at_eof():
                    content += await _rest_of(answer, _MAX_BYTES - len(content))
        except TimeoutError:
            raise NodeAway("did not answer in time", outcome="too_slow") from None
        except aiohttp.ClientError as error:
            # Its words hold the URL.
            raise NodeAway(type(error).__name__, outcome="unreachable") from None
        return content


async def _rest_of(answer: aiohttp.ClientResponse, most: int) -> bytes:
    parts: list[bytes] = []
    async for part in answer.content.iter_any():
        parts.append(part)
        most -= len(part)
        if most < 0:
            raise NodeAway(f"answered more than {_MAX_BYTES} bytes")
    return b"".join(parts)


def _outcome(answer: Any) -> str:
    return "refused" if isinstance(answer, RpcError) else "ok"


def _no(answer: aiohttp.ClientResponse) -> NodeAway:
    said = answer.headers.get("Retry-After", "")
    rest_s = min(float(said), _LONGEST_REST_S) if said.isdecimal() else 0.0
    throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    return NodeAway(f"answered {answer.status}", rest_s, "throttled" if throttled else "unwell")
