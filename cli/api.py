"""The public API as a client uses it: place an order, and follow it without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from cli.console import Trouble

_ANSWER_S = 15.0
_ENDED = 1000
_REFUSED = range(4000, 5000)
_PAUSE_S = 0.2
_PAUSE_CAP_S = 5.0


def http_client(gateway: str) -> httpx.AsyncClient:
    """Return a client of one gateway. A proxy of the environment is not asked for this machine."""
    return httpx.AsyncClient(base_url=gateway, timeout=_ANSWER_S, trust_env=not _is_local(gateway))


async def place(http: httpx.AsyncClient, order: dict[str, Any], key: str | None = None) -> str:
    """Place an order and return its id; with the same `key` again, the same order's.

    Raises `Trouble` with what the gateway says is wrong.
    """
    headers = {"Idempotency-Key": key} if key else {}
    try:
        answer = await http.post("/api/orders/execute", json=order, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Trouble(_no_answer(str(http.base_url), error)) from error
    if answer.status_code != httpx.codes.ACCEPTED:
        raise Trouble(f"The order was not accepted: {explained(answer.content)}")
    order_id: str = answer.json()["orderId"]
    return order_id


async def follow(
    gateway: str,
    order_id: str,
    *,
    patience_s: float = 60.0,
    lost: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[dict[str, Any]]:
    """Yield every event of an order as the gateway sends it, until the order's end.

    A lost connection is resumed behind the last event; `lost` is told why. Raises `Trouble` when
    the gateway does not know the order, or stays away for longer than `patience_s`.
    """
    loop = asyncio.get_running_loop()
    version, pause_s, heard = 0, _PAUSE_S, loop.time()
    while True:
        try:
            async for event in _connection(gateway, order_id, version):
                version, pause_s, heard = event["version"], _PAUSE_S, loop.time()
                yield event
        except _Lost as error:
            if loop.time() - heard > patience_s:
                raise Trouble(_no_answer(gateway, error)) from error
            lost(str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_CAP_S)
        else:
            return


class _Lost(Exception):
    """The connection broke; another one may go on."""


async def _connection(gateway: str, order_id: str, since: int) -> AsyncIterator[dict[str, Any]]:
    """Yield what one connection brings. It ends when the order does, and raises else."""
    url = f"{gateway.replace('http', 'ws', 1)}/api/orders/{order_id}/ws?since={since}"
    proxy: Literal[True] | None = None if _is_local(gateway) else True
    problem = ""
    try:
        async with connect(url, proxy=proxy) as socket:
            while True:
                message = await socket.recv()
                event = msgspec.json.decode(message)
                if "version" in event:
                    yield event
                else:
                    problem = explained(message)
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else None
        if code == _ENDED:
            return
        if code in _REFUSED:
            raise Trouble(f"Order {order_id} cannot be followed: {problem}") from closed
        raise _Lost(problem or str(closed)) from closed
    except (OSError, TimeoutError, WebSocketException) as error:
        raise _Lost(str(error) or type(error).__name__) from error


def explained(content: str | bytes) -> str:
    """Return a problem document in one line: what is wrong, and with which field."""
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.DecodeError:
        return "the answer is not Slipstream's; is --url right?"
    wrong = [f"{error.field} {error.message}" for error in problem.errors]
    return "; ".join([problem.title, *filter(None, [problem.detail]), *wrong])


class _FieldError(Struct):
    field: str
    message: str


class _Problem(Struct):
    title: str
    detail: str = ""
    errors: list[_FieldError] = []


def _no_answer(gateway: str, error: Exception) -> str:
    why = str(error) or type(error).__name__
    return (
        f"No gateway answers at {gateway} ({why}). Start one with `slipstream up`, or give --url."
    )


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
