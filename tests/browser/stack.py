"""The stack that pages are looked at with: each service a process, on the simulated chain.

Two gateways stand before it: an open one, and one that asks for keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from services.gateway.access.api_keys import line_for, new_key
from tests.support.eventually import eventually
from tests.support.processes import Service, Services, StackSettings, environment

ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amountIn": "1.5"}
_DESKS = 24
_NEWEST = 10
_ENDS = {"confirmed", "failed", "cancelled", "expired"}


class Desk(NamedTuple):
    """An account, and a key that may trade for it."""

    account: str
    key: str


def stack_settings(redis_url: str, database_url: str) -> StackSettings:
    """Return the settings of a stack whose swaps take a moment, so that they can be watched."""
    return StackSettings(
        redis_url=redis_url,
        database_url=database_url,
        namespace=f"t{uuid4().hex[:12]}",
        partitions=4,
        redis_timeout_s=60,
        backoff_base_ms=50,
        quote_deadline_ms=60_000,
        quote_ttl_ms=600_000,
        venue_deadline_ms=60_000,
        accept_deadline_ms=60_000,
        venue_quote_ms=5,
        venue_swap_ms_min=100,
        venue_swap_ms_max=200,
        confirm_poll_ms=20,
        drain_s=2,
        history_ttl_s=300,
    )


class PageStack:
    """Five services and a second gateway, which asks for keys."""

    def __init__(self, settings: StackSettings, folder: Path) -> None:
        self._settings = settings
        self._services = Services(folder)
        self._numbers = count()
        self.database_url = settings.database_url
        self.keys_file = folder / "keys.jsonl"
        self.admin = new_key()
        self._desks = {f"desk-{i}": new_key() for i in range(_DESKS)}
        self.open: Service
        self.guarded: Service
        self._router: Service

    async def start(self) -> None:
        """Start all of it, and return once it is ready."""
        self.write_keys(self._desks)
        variables = environment(self._settings)
        guarded = variables | {"API_KEYS_FILE": str(self.keys_file)}
        self.open = self._services.launch("gateway", variables)
        self.guarded = self._services.launch("gateway", guarded)
        self._router = self._services.launch("router", variables)
        rest = [
            self._services.launch(one, variables) for one in ("executor", "notifier", "projector")
        ]
        for service in (self.open, self.guarded, self._router, *rest):
            await service.ready()

    def end(self) -> None:
        self._services.end()

    def desk(self) -> Desk:
        """Return an account that nobody has had."""
        account = f"desk-{next(self._numbers)}"
        return Desk(account, self._desks[account])

    def write_keys(self, desks: dict[str, str]) -> None:
        lines = [line_for(key, account, "trade", "") for account, key in desks.items()]
        self.keys_file.write_text("\n".join([line_for(self.admin, "ops", "admin", ""), *lines]))

    def revoke(self, desk: Desk) -> None:
        """Take a key away; gateways see it within some seconds."""
        del self._desks[desk.account]
        self.write_keys(self._desks)

    async def place(self, desk: Desk, orders: int = 1, **fields: Any) -> list[str]:
        """Place orders for an account, and return their ids."""
        async with self.asking(desk.key) as http:
            batch = {"orders": [ORDER | fields] * orders}
            answer = await http.post("/api/orders/batch", json=batch)
        assert answer.status_code in {200, 202, 207}, answer.text
        return [one["orderId"] for one in answer.json()["orders"]]

    async def order(self, desk: Desk, order_id: str) -> dict[str, Any]:
        """Return an order as the API tells it."""
        async with self.asking(desk.key) as http:
            answer = await http.get(f"/api/orders/{order_id}")
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def newest_ended(self, desk: Desk, placed: Collection[str]) -> dict[str, str]:
        """Return the status of the newest orders of an account; none before all have ended.

        They must be among those that were placed: the list follows the log.
        """
        async with self.asking(desk.key) as http:
            answer = await http.get("/api/orders", params={"limit": _NEWEST})
        listed = answer.raise_for_status().json()["orders"]
        found = {one["orderId"]: one["status"] for one in listed}
        whole = found.keys() <= set(placed) and set(found.values()) <= _ENDS
        return found if whole else {}

    @contextmanager
    def nobody_routes(self) -> Iterator[None]:
        """Let orders wait before their first step."""
        self._router.pause()
        try:
            yield
        finally:
            self._router.resume()

    async def end_of(self, desk: Desk, order_id: str) -> str:
        """Return the status that an order has ended with, once it has."""

        async def ended() -> str | None:
            status = str((await self.order(desk, order_id))["status"])
            return status if status in _ENDS else None

        return str(await eventually(ended))

    def asking(self, key: str) -> httpx.AsyncClient:
        """Return a client of the gateway that asks for keys."""
        return httpx.AsyncClient(
            base_url=f"http://{self.guarded.address}", headers={"X-API-Key": key}, timeout=60
        )
