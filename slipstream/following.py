"""Follow one order over as many connections as it takes: every event once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct
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
from slipstream.models import Event, event_of
from slipstream.problem import Problem

_ENDED = 1000
_REFUSED = range(4000, 5000)
_PAUSE_S = 0.2
_PAUSE_CAP_S = 5.0


class Following(Struct, frozen=True, kw_only=True):
    """An order to follow, and how.

    A gateway may be away for `patience_s` seconds; `lost` is told of each broken connection.
    """

    url: str
    headers: Mapping[str, str]
    order_id: str
    since: int
    patience_s: float
    lost: Callable[[str], None]

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield each event behind version `since`, until the order's end.

        A broken connection is resumed behind the last event. Raises `Refused` when the order
        cannot be followed, `Unreachable` when no gateway answers for too long.
        """
        loop = asyncio.get_running_loop()
        version, pause_s, heard = self.since, _PAUSE_S, loop.time()
        while True:
            try:
                async for event in self._connection(version):
                    version, pause_s, heard = event.version, _PAUSE_S, loop.time()
                    yield event
            except _Lost as error:
                if loop.time() - heard > self.patience_s:
                    raise unreachable(self.url, error) from error
                self.lost(str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_CAP_S)
            else:
                return

    async def _connection(self, since: int) -> AsyncGenerator[Event, None]:
        """Yield what one connection brings. It ends when the order does, and raises else."""
        order = f"/api/orders/{quote(self.order_id, safe='')}"
        url = f"{self.url.replace('http', 'ws', 1)}{order}/ws?since={since}"
        proxy: Literal[True] | None = None if is_local(self.url) else True
        try:
            async with connect(url, additional_headers=self.headers, proxy=proxy) as socket:
                async for event in _events(socket, since):
                    yield event
        except InvalidStatus as denied:
            response = denied.response
            raise _judged(refusal(response.status_code, bytes(response.body or b""))) from denied
        except (OSError, WebSocketException) as error:  # A TimeoutError is an OSError.
            raise _Lost(str(error) or type(error).__name__) from error


class _Lost(Exception):
    """The connection broke; another one may go on."""


async def _events(socket: ClientConnection, version: int) -> AsyncGenerator[Event, None]:
    problem: SlipstreamError | None = None
    try:
        while True:
            fields = _fields(await socket.recv())
            if "version" not in fields:
                problem = _problem(fields) or problem
                continue
            event = event_of(fields)
            if event.version > version + 1:
                raise _Lost(f"version {version + 1} is missing")
            if event.version == version + 1:
                version = event.version
                yield event
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else None
        if code == _ENDED:
            return
        if code in _REFUSED and problem:
            raise _judged(problem) from closed
        raise _Lost(str(problem or closed)) from closed


def _fields(message: str | bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(message, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise Unexpected(f"a message that is not Slipstream's: {error}") from error


def _problem(fields: dict[str, object]) -> SlipstreamError | None:
    try:
        return as_error(msgspec.convert(fields, Problem))
    except msgspec.ValidationError:
        return None  # A pong, or something that newer gateways say.


def _judged(error: SlipstreamError) -> Exception:
    """Return a loss for what may be otherwise at another time or gateway, else the error."""
    return _Lost(str(error)) if isinstance(error, (Unavailable, RateLimited)) else error
