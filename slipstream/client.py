"""The client for asyncio. `slipstream.sync` has the same for everybody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx
import msgspec

from slipstream.errors import Unavailable, Unexpected
from slipstream.following import Following
from slipstream.http import Http, checked_url
from slipstream.models import Accepted, Event, Order, event_of

T = TypeVar("T")

_ORDERS = "/api/orders"


class AsyncClient:
    """Talks to one Slipstream: to a gateway, or to a balancer in front of several.

    What is safe to repeat is repeated, and everything is: an order has a key by which the gateway
    knows it again. Every call raises `Refused` for a no of the gateway's, and `Unreachable` when
    there is none; see `slipstream.errors`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        retry_for_s: float = 30.0,
        timeout_s: float = 15.0,
        max_connections: int = 100,
    ) -> None:
        """Open no connection yet.

        A request is repeated for `retry_for_s` seconds while nobody answers or the gateway says
        "not now"; a single answer is waited for during `timeout_s` seconds.
        """
        self.url = checked_url(url)
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = Http(
            self.url,
            self._headers,
            retry_for_s=retry_for_s,
            timeout_s=timeout_s,
            max_connections=max_connections,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    async def ready(self) -> bool:
        """Return whether the gateway can take orders now."""
        try:
            await self._http.request("GET", "/health/ready")
        except Unavailable:
            return False
        return True

    async def submit(  # noqa: PLR0913 - one parameter a field of the order
        self,
        token_in: str,
        token_out: str,
        amount_in: Decimal | int | str,
        *,
        max_slippage_bps: int = 100,
        expires_at: datetime | None = None,
        key: str | None = None,
    ) -> Accepted:
        """Place an order: give exactly `amount_in`, get as much of `token_out` as possible.

        With the same `key` again, also by another process, it is the same order. Without one a
        key is made up, so that at least this call places one order however often it is sent.
        """
        order = {
            "tokenIn": token_in,
            "tokenOut": token_out,
            "amountIn": str(amount_in),
            "maxSlippageBps": max_slippage_bps,
            "expiresAt": expires_at.isoformat() if expires_at else None,
        }
        headers = {"idempotency-key": key or uuid4().hex}
        answer = await self._http.request("POST", f"{_ORDERS}/execute", json=order, headers=headers)
        accepted = _read(answer, Accepted)
        return msgspec.structs.replace(
            accepted, replayed=answer.headers.get("idempotency-replayed") == "true"
        )

    async def get(self, order_id: str) -> Order:
        """Return an order as it stands."""
        return _read(await self._http.request("GET", f"{_ORDERS}/{order_id}"), Order)

    async def events(self, order_id: str) -> list[Event]:
        """Return everything that has happened to an order, oldest first."""
        answer = await self._http.request("GET", f"{_ORDERS}/{order_id}/events")
        return [event_of(fields) for fields in _read(answer, list[dict[str, Any]])]

    async def cancel(self, order_id: str) -> Order:
        """Cancel an order. Raises `NotCancelled` once it is signed or has ended otherwise."""
        return _read(await self._http.request("DELETE", f"{_ORDERS}/{order_id}"), Order)

    def follow(
        self,
        order_id: str,
        *,
        since: int = 0,
        patience_s: float = 60.0,
        lost: Callable[[str], None] = lambda _: None,
    ) -> AsyncGenerator[Event, None]:
        """Yield every event of an order behind version `since` until its end, once and in order.

        A broken connection is resumed where it broke; `lost` is told why it did. Raises
        `Unreachable` when no gateway answers for `patience_s` seconds.
        """
        return Following(
            url=self.url,
            headers=self._headers,
            order_id=order_id,
            since=since,
            patience_s=patience_s,
            lost=lost,
        ).events()


def _read(answer: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        raise Unexpected(f"{answer.url} answers what is not Slipstream's: {error}") from error
