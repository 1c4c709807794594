"""Requests that are repeated until a gateway answers, or the time for it is over."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from slipstream.errors import RateLimited, Refused, SlipstreamError, Unavailable, Unreachable
from slipstream.errors import refusal as refusal_of

T = TypeVar("T")

KEY = "idempotency-key"
_NEXT = re.compile(r'<(/[^>]*)>; *rel="next"')
_GOOD = range(200, 300)
_FAULT = HTTPStatus.INTERNAL_SERVER_ERROR
_NOT_NOW = HTTPStatus.SERVICE_UNAVAILABLE
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class Answer(NamedTuple):
    """A gateway's answer. `key` is the Idempotency-Key of the request, if it had one."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    key: str | None


class Stream:
    """An answer that is read as it comes."""

    def __init__(self, url: str, got: aiohttp.ClientResponse) -> None:
        self._url = url
        self._got = got

    @property
    def next(self) -> str | None:
        """Return the address, on the same gateway, of what comes behind this, if anything does."""
        found = _NEXT.search(self._got.headers.get("link", ""))
        return found and found[1]

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield its parts. Raises `Unreachable` where it breaks off."""
        with telling(self._url):
            async for chunk in self._got.content.iter_any():
                yield chunk

    def close(self) -> None:
        """Leave the rest, if there is any."""
        self._got.close()


@contextmanager
def telling(url: str) -> Iterator[None]:
    """Say it as `Unreachable` where the connection fails or nothing comes in time."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        raise unreachable(url, error.os_error) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise unreachable(url, error) from error


class Http:
    """Speaks HTTP with one gateway, or with what stands in front of several.

    Every request may be sent more than once, so each must be safe to repeat.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        retry_for_s: float,
        timeout_s: float,
        max_connections: int,
    ) -> None:
        self._url = url
        self._headers = headers
        self._retry_for_s = retry_for_s
        # Half of it for a connection: that nothing was sent is good to know.
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s / 2)
        self._patience = aiohttp.ClientTimeout(
            total=None, sock_connect=timeout_s / 2, sock_read=timeout_s
        )
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str | Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return a good answer.

        Raises `Refused` with what the gateway says, `Unreachable` when none answers in time.
        """
        key = (headers or {}).get(KEY)
        return await self._answered(
            lambda: self._send(method, path, json, params, headers or {}), key
        )

    async def stream(self, path: str, params: Mapping[str, str] | None = None) -> Stream:
        """Return a good answer of any length, to be read as it comes, and then to be closed.

        Raises as `request` does. Once it has begun it is not asked for again.
        """

        async def open_it() -> aiohttp.ClientResponse:
            return await self._begin("GET", path, params=params, timeout=self._patience)

        return Stream(self._url, await self._answered(open_it, None))

    async def _answered(self, ask: Callable[[], Awaitable[T]], key: str | None) -> T:
        loop = asyncio.get_running_loop()
        deadline, pause_s, in_doubt = loop.time() + self._retry_for_s, _FIRST_PAUSE_S, False
        while True:
            try:
                return await ask()
            except SlipstreamError as error:
                # A later no does not undo what an earlier try may have done.
                in_doubt = in_doubt or not _did_nothing(error)
                error.key = key if in_doubt else None
                wait_s = _wait_s(error, pause_s)
                if not _is_worth_a_try(error) or loop.time() + wait_s >= deadline:
                    raise
            await asyncio.sleep(wait_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _send(
        self,
        method: str,
        path: str,
        json: Any,
        params: Mapping[str, str | Sequence[str]] | None,
        headers: Mapping[str, str],
    ) -> Answer:
        content = None
        if json is not None:
            content = msgspec.json.encode(json)
            headers = {**headers, "content-type": "application/json"}
        got = await self._begin(
            *(method, path), data=content, params=params, headers=headers, timeout=self._timeout
        )
        async with got:
            with telling(self._url):
                body = await got.read()
        return Answer(str(got.url), got.status, got.headers, body, headers.get(KEY))

    async def _begin(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        """Return an answer whose head is good, its body not read yet."""
        with telling(self._url):
            got = await self._opened().request(
                method, self._url + path, allow_redirects=False, **options
            )
            if got.status in _GOOD:
                return got
            async with got:
                raise refusal_of(got.status, await got.read(), got.headers)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # Not before there is a loop for it.
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(limit=self._max_connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not is_local(self._url),  # No proxy is asked for this machine.
            )
        return self._session


def _did_nothing(error: SlipstreamError) -> bool:
    """Return whether a request did nothing: it was not sent, or the gateway itself says so."""
    if isinstance(error, Refused):
        return error.status < _FAULT or (error.status == _NOT_NOW and bool(error.code))
    return isinstance(
        error.__cause__, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    )


def _is_worth_a_try(error: SlipstreamError) -> bool:
    return isinstance(error, (Unavailable, RateLimited, Unreachable))


def _wait_s(error: SlipstreamError, pause_s: float) -> float:
    """Return how long to wait: as asked, else a while that differs from everybody else's."""
    if isinstance(error, Refused) and error.retry_after_s is not None:
        return error.retry_after_s + pause_s * random.random()  # noqa: S311 - spreads, no secret
    return pause_s * (0.5 + random.random())  # noqa: S311 - spreads, no secret


def unreachable(url: str, error: Exception) -> Unreachable:
    """Return the error that says that no gateway answers."""
    return Unreachable(f"No gateway answers at {url} ({str(error) or type(error).__name__})")


def checked_url(url: str) -> str:
    """Return a gateway's URL without a slash at its end. Raises `SlipstreamError` for no URL."""
    try:
        parts = urlsplit(url)
        # Asked for its port, it says what cannot be one.
        is_url = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise SlipstreamError(f"{url!r} is no URL: {error}") from error
    if not is_url:
        raise SlipstreamError(f"{url!r} is no URL of a gateway, such as http://127.0.0.1:8000")
    return url.rstrip("/")


def is_local(url: str) -> bool:
    """Return whether a URL is of this very machine."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):  # A name, as most are.
        return ip_address(host).is_loopback
    return host == "localhost"
