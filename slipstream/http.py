"""Requests that are repeated until a gateway answers, or the time for it is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from slipstream.errors import RateLimited, Refused, SlipstreamError, Unavailable, Unreachable
from slipstream.errors import refusal as refusal_of

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LAST_PORT = 65_535


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
        self._retry_for_s = retry_for_s
        self._client = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=timeout_s,
            limits=httpx.Limits(
                max_connections=max_connections, max_keepalive_connections=max_connections
            ),
            trust_env=not is_local(url),  # No proxy is asked for this machine.
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Return a good answer.

        Raises `Refused` with what the gateway says, `Unreachable` when none answers in time.
        """
        request = self._client.build_request(
            method, path, json=json, params=params, headers=headers
        )
        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + self._retry_for_s, _FIRST_PAUSE_S
        while True:
            try:
                return await self._send(request)
            except (Unavailable, RateLimited, Unreachable) as error:
                wait_s = _wait_s(error, pause_s)
                if loop.time() + wait_s >= deadline:
                    raise
            await asyncio.sleep(wait_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = await self._client.send(request)
        except httpx.HTTPError as error:
            raise unreachable(self._url, error) from error
        if not answer.is_success:
            raise refusal_of(answer.status_code, answer.content, answer.headers)
        return answer


def _wait_s(error: SlipstreamError, pause_s: float) -> float:
    """Return how long to wait: as asked, else a while that differs from everybody else's."""
    if isinstance(error, Refused) and error.retry_after_s is not None:
        return error.retry_after_s + pause_s * random.random()  # noqa: S311 - spreads, no secret
    return pause_s * (0.5 + random.random())  # noqa: S311 - spreads, no secret


def unreachable(url: str, error: Exception) -> Unreachable:
    """Return the error that says that no gateway answers."""
    return Unreachable(f"No gateway answers at {url} ({error or type(error).__name__})")


def checked_url(url: str) -> str:
    """Return a gateway's URL without a slash at its end. Raises `SlipstreamError` for no URL."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise SlipstreamError(f"{url!r} is no URL: {error}") from error
    known = parts.scheme in ("http", "https") and parts.host
    if not known or (parts.port or 0) > _LAST_PORT:
        raise SlipstreamError(f"{url!r} is no URL of a gateway, such as http://127.0.0.1:8000")
    return url.rstrip("/")


def is_local(url: str) -> bool:
    """Return whether a URL is of this very machine."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):  # A name, as most are.
        return ip_address(host).is_loopback
    return host == "localhost"
