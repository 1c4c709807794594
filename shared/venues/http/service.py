"""One venue's HTTP API: asked within its rate, a deadline, and a bound of what it may say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from shared.concurrency.coalescer import Full
from shared.hiding import hidden, line, secrets_of
from shared.observability import metrics
from shared.streams.redis.pace import Left, Pace, Rate
from shared.venues.http.answers import HeldBack, Refused, Throttled, TooSlow, news_of
from shared.venues.protocol import VenueUnavailable, VenueUnreachable

T = TypeVar("T")

_MAX_BYTES: Final = 1024 * 1024
_CONNECTIONS: Final = 32  # To one venue.
_KEPT: Final = 4  # A quarter of the places is for those who have an order to sign.
# The part of a deadline that may pass in waiting for a turn: other venues have quoted meanwhile.
_WAITED: Final = 0.2
_WAITED_TO_BUILD: Final = 0.5
_OUTCOMES: Final[dict[type[Exception], str]] = {
    HeldBack: "held_back",
    Refused: "refused",
    Throttled: "throttled",
    TooSlow: "too_slow",
    VenueUnreachable: "unreachable",
}
_encoder = msgspec.json.Encoder()


def new_session() -> aiohttp.ClientSession:
    """Return connections for venues behind HTTP, to be closed. It keeps no cookies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit_per_host=_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        # What is packed can be as large as its sender likes once it is unpacked.
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        auto_decompress=False,
    )


# For all that a build asks. Less than VENUE_DEADLINE_MS: what that ends passes no venue over.
BUILD_S: Final = 4.0


class Service:
    """Asks one venue. Its errors never hold a URL or a header: either may have a key."""

    def __init__(
        self,
        name: str,
        url: str,
        session: aiohttp.ClientSession,
        pace: Pace,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`url` is what paths are put behind; `headers` go with every request."""
        self.name = name
        self._url = url.rstrip("/")
        self._session = session
        self._pace = pace
        self._headers = dict(headers or {})
        self._secrets = [*secrets_of(url), *self._headers.values()]

    async def get(
        self,
        path: str,
        params: Mapping[str, str],
        read: msgspec.json.Decoder[T],
        *,
        within_s: float,
        urgent: bool = False,
    ) -> T:
        """Return the answer to a GET, in `within_s` seconds with the wait for its turn.

        Requests that are `urgent` may use the whole rate, others three quarters. Raises
        `VenueRejected` (`Refused`, with the answer), `VenueUnavailable` or `VenueUnreachable`.
        """
        send = partial(self._session.get, self._url + path, params=params, headers=self._headers)
        return await self._asked(send, read, within_s, urgent)

    async def post(
        self,
        path: str,
        body: Any,
        read: msgspec.json.Decoder[T],
        *,
        within_s: float,
        urgent: bool = False,
    ) -> T:
        """Return the answer to a POST of a body in JSON, as `get` does."""
        headers = {**self._headers, "Content-Type": "application/json"}
        data = _encoder.encode(body)
        send = partial(self._session.post, self._url + path, data=data, headers=headers)
        return await self._asked(send, read, within_s, urgent)

    async def left(self) -> Left:
        """Return what is left of the rate. Raises `ServerAway`."""
        return await self._pace.left()

    @property
    def rate(self) -> Rate:
        """Return the rate that all replicas share."""
        return self._pace.rate

    async def _asked(
        self, send: Callable[..., Any], read: msgspec.json.Decoder[T], within_s: float, urgent: bool
    ) -> T:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(within_s):
                waited = _WAITED_TO_BUILD if urgent else _WAITED
                await self._turn(within_s * waited, urgent=urgent)
                began = time.perf_counter()
                answer = read.decode(await self._body(send))
        except Exception as error:
            told = _told(error, within_s, self._secrets)
            self._note(began, _OUTCOMES.get(type(told), "unwell"))
            if isinstance(told, Throttled):
                await self._pace.rest(told.rest_s)
            if told is error:
                raise
            raise told from None  # Its cause may hold the URL.
        self._note(began, "ok")
        return answer

    def _note(self, began: float, outcome: str) -> None:
        spent = time.perf_counter() - began
        metrics.series(metrics.VENUE_HTTP_SECONDS, self.name, outcome).observe(spent)

    async def _turn(self, within_s: float, *, urgent: bool) -> None:
        amount = self._pace.rate.amount
        of = amount if urgent else max(1, amount - amount // _KEPT)
        try:
            wait_s = await self._pace.place(within_s, of=of)
        except Full as error:
            raise HeldBack(f"rate limit of {self.name}: {error}") from None
        if wait_s > within_s:
            left = f"{self._pace.rate}, and the next in {wait_s:.1f} s"
            raise HeldBack(f"rate limit of {self.name}: {left}")
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def _body(self, send: Callable[..., Any]) -> bytes:
        async with send(allow_redirects=False) as answer:
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > _MAX_BYTES:
                    raise VenueUnavailable(f"answers more than {_MAX_BYTES} bytes")
            if answer.status != HTTPStatus.OK:
                raise news_of(
                    answer.status, answer.headers, bytes(body), time.time(), self._secrets
                )
            return self._without_keys(bytes(body))

    def _without_keys(self, body: bytes) -> bytes:
        """Return an answer without what our headers say: nobody needs that, and errors quote."""
        for value in self._headers.values():
            body = body.replace(value.encode(), b"***")
        return body


def _told(error: Exception, within_s: float, secrets: Collection[str]) -> Exception:
    """Return what an error is to the engine."""
    if isinstance(error, TimeoutError):
        return TooSlow(f"did not answer within {within_s * 1_000:.0f} ms")
    if isinstance(error, aiohttp.ClientConnectionError):
        return VenueUnreachable(type(error).__name__)
    if isinstance(error, aiohttp.ClientError):
        return VenueUnavailable(f"breaks off, or speaks no HTTP: {type(error).__name__}")
    if isinstance(error, msgspec.MsgspecError | UnicodeDecodeError):
        return VenueUnavailable(f"answers something else: {line(hidden(str(error), secrets))}")
    return error
