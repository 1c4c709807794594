"""One WebSocket to a gateway, and how long to go on trying when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Literal

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from slipstream.errors import (
    RateLimited,
    SlipstreamError,
    Unavailable,
    Unexpected,
    as_error,
    refusal,
)
from slipstream.http import is_local, unreachable
from slipstream.problem import Problem

_ENDED = 1000
_REFUSED = range(4000, 5000)
_PAUSE_S = 0.2
_PAUSE_CAP_S = 5.0
_MOST_BYTES = 16_777_216  # Of one message.


class Broken(Exception):
    """The connection broke; another one may go on."""


class Patience:
    """Bounds for how long no gateway may answer."""

    def __init__(self, url: str, patience_s: float, lost: Callable[[str], None]) -> None:
        """`lost` is told of each broken connection."""
        self._url = url
        self._patience_s = patience_s
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self.heard()

    def heard(self) -> None:
        """Note a sign of life."""
        self._pause_s, self._heard_s = _PAUSE_S, self._loop.time()

    async def broke(self, error: Broken) -> None:
        """Wait before another try. Raises `Unreachable` when there were enough."""
        if self._loop.time() - self._heard_s > self._patience_s:
            raise unreachable(self._url, error) from error
        self._lost(str(error))
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _PAUSE_CAP_S)


async def messages(
    url: str, path: str, headers: Mapping[str, str]
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield what one connection brings, until the gateway says that this is all.

    Raises `Broken` when another connection may go on, and `Refused` when none can.
    """
    proxy: Literal[True] | None = None if is_local(url) else True
    address = url.replace("http", "ws", 1) + path
    try:
        async with connect(
            address, additional_headers=headers, proxy=proxy, max_size=_MOST_BYTES
        ) as socket:
            async for fields in _said(socket):
                yield fields
    except InvalidStatus as denied:
        response = denied.response
        raise _judged(refusal(response.status_code, bytes(response.body or b""))) from denied
    except (OSError, WebSocketException) as error:  # A TimeoutError is an OSError.
        raise Broken(str(error) or type(error).__name__) from error


async def _said(socket: ClientConnection) -> AsyncGenerator[dict[str, Any], None]:
    problem: SlipstreamError | None = None
    try:
        while True:
            fields = _fields(await socket.recv())
            if "title" in fields:
                problem = _problem(fields) or problem
            else:
                yield fields
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else None
        if code == _ENDED:
            return
        if code in _REFUSED and problem:
            raise _judged(problem) from closed
        raise Broken(str(problem or closed)) from closed


def _fields(message: str | bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(message, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Unexpected(f"a message that is not Slipstream's: {error}") from error


def _problem(fields: dict[str, Any]) -> SlipstreamError | None:
    try:
        return as_error(msgspec.convert(fields, Problem))
    except msgspec.ValidationError:
        return None  # Something that newer gateways say.


def _judged(error: SlipstreamError) -> Exception:
    """Return a break for what may be otherwise at another time or gateway, else the error."""
    return Broken(str(error)) if isinstance(error, (Unavailable, RateLimited)) else error
