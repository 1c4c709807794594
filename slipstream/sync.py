"""The client for programs without asyncio: the same calls, each returning when it is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Self, TypeVar, Unpack

from slipstream.asking import FillFilter, Filter, NewOrder
from slipstream.client import AsyncClient
from slipstream.errors import Refused
from slipstream.figures import Attention, Flow, Pair, Quality, System
from slipstream.following.account import AccountFollowing
from slipstream.models import (
    Accepted,
    Event,
    Fill,
    FillPage,
    Lost,
    Order,
    OrderSummary,
    Page,
    Quotes,
    Token,
    Wallets,
)
from slipstream.stats import Stats
from slipstream.venues import Venue

T = TypeVar("T")


class Client:
    """Does what `AsyncClient` does, in calls that wait. Threads may share one.

    The connections live on a thread of their own: a followed order keeps its connection while
    the caller is busy with something else.
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
        """Take what `AsyncClient` takes."""
        self._client = AsyncClient(
            url,
            api_key=api_key,
            retry_for_s=retry_for_s,
            timeout_s=timeout_s,
            max_connections=max_connections,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="slipstream-client", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ready(self) -> bool:
        """Return whether the gateway can take orders now."""
        return self._wait(self._client.ready())

    def submit(  # noqa: PLR0913 - one parameter a field of the order
        self,
        token_in: str,
        token_out: str,
        amount_in: Decimal | int | str,
        *,
        max_slippage_bps: int = 100,
        expires_at: datetime | None = None,
        client_order_id: str | None = None,
        key: str | None = None,
    ) -> Accepted:
        """Place an order, as `AsyncClient.submit` does."""
        return self._wait(
            self._client.submit(
                token_in,
                token_out,
                amount_in,
                max_slippage_bps=max_slippage_bps,
                expires_at=expires_at,
                client_order_id=client_order_id,
                key=key,
            )
        )

    def submit_batch(
        self, orders: Sequence[NewOrder], *, key: str | None = None
    ) -> list[Accepted | Refused]:
        """Place up to 1,000 orders at once, as `AsyncClient.submit_batch` does."""
        return self._wait(self._client.submit_batch(orders, key=key))

    def tokens(self) -> tuple[Token, ...]:
        """Return the tokens that may be traded."""
        return self._wait(self._client.tokens())

    def wallets(self) -> Wallets:
        """Return the wallets that pay for the caller's orders, and what they hold."""
        return self._wait(self._client.wallets())

    def venues(self) -> tuple[Venue, ...]:
        """Return the venues that orders may go to, and how each does."""
        return self._wait(self._client.venues())

    def quotes(
        self,
        token_in: str,
        token_out: str,
        amount_in: Decimal | int | str,
        *,
        max_slippage_bps: int = 100,
    ) -> Quotes:
        """Return what the venues offer for a swap at the moment. Nothing is placed."""
        return self._wait(
            self._client.quotes(token_in, token_out, amount_in, max_slippage_bps=max_slippage_bps)
        )

    def get(self, order_id: str) -> Order:
        """Return an order as it stands."""
        return self._wait(self._client.get(order_id))

    def events(self, order_id: str) -> list[Event]:
        """Return everything that has happened to an order, oldest first."""
        return self._wait(self._client.events(order_id))

    def page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        total: bool = False,
        **wanted: Unpack[Filter],
    ) -> Page:
        """Return a page of orders, as `AsyncClient.page` does."""
        return self._wait(self._client.page(cursor=cursor, limit=limit, total=total, **wanted))

    def orders(self, **wanted: Unpack[Filter]) -> Iterator[OrderSummary]:
        """Yield every order that is wanted, newest first, reading page after page."""
        return self._each(self._client.orders(**wanted))

    def fill_page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        total: bool = False,
        **wanted: Unpack[FillFilter],
    ) -> FillPage:
        """Return a page of fills, as `AsyncClient.fill_page` does."""
        return self._wait(self._client.fill_page(cursor=cursor, limit=limit, total=total, **wanted))

    def fills(self, **wanted: Unpack[FillFilter]) -> Iterator[Fill]:
        """Yield every fill that is wanted, the one confirmed last first."""
        return self._each(self._client.fills(**wanted))

    def orders_csv(self, *, limit: int | None = None, **wanted: Unpack[Filter]) -> Iterator[bytes]:
        """Yield orders as parts of a file of CSV, as `AsyncClient.orders_csv` does."""
        return self._each(self._client.orders_csv(limit=limit, **wanted))

    def fills_csv(
        self, *, limit: int | None = None, **wanted: Unpack[FillFilter]
    ) -> Iterator[bytes]:
        """Yield fills as parts of a file of CSV, as `AsyncClient.fills_csv` does."""
        return self._each(self._client.fills_csv(limit=limit, **wanted))

    def cancel(self, order_id: str) -> Order:
        """Cancel an order. Raises `NotCancelled` once it is signed or has ended otherwise."""
        return self._wait(self._client.cancel(order_id))

    def stats(self) -> Stats:
        """Return how many orders wait, are under way and have ended, and how far services lag."""
        return self._wait(self._client.stats())

    def system(self) -> System:
        """Return what the gateway's Slipstream is made of, and whether all of it is well."""
        return self._wait(self._client.system())

    def flow(self) -> Flow:
        """Return how many orders stand where, come and end a second, and how long hops take."""
        return self._wait(self._client.flow())

    def attention(self) -> Attention:
        """Return what needs somebody, the worst first, each with one thing to do."""
        return self._wait(self._client.attention())

    def prices(self, *pairs: str) -> tuple[Pair, ...]:
        """Return the prices of pairs such as `SOL/USDC` by venue; of every token without any."""
        return self._wait(self._client.prices(*pairs))

    def quality(self, *, since: datetime | None = None) -> Quality:
        """Return how well orders were done, venue by venue; those of the last hour by default."""
        return self._wait(self._client.quality(since=since))

    def follow(
        self,
        order_id: str,
        *,
        since: int = 0,
        patience_s: float = 60.0,
        lost: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Event]:
        """Yield every event of an order, as `AsyncClient.follow` does.

        `lost` is called on the thread of the connections.
        """
        return self._each(
            self._client.follow(order_id, since=since, patience_s=patience_s, lost=lost)
        )

    def follow_account(
        self,
        *,
        cursor: str | None = None,
        account: str | None = None,
        patience_s: float = 60.0,
        lost: Callable[[str], None] = lambda _: None,
    ) -> Stream[Event]:
        """Yield every event of every order of an account, as `AsyncClient.follow_account` does.

        `lost` is called on the thread of the connections.
        """
        following = self._client.follow_account(
            cursor=cursor, account=account, patience_s=patience_s, lost=lost
        )
        return Stream(following, self._each)

    def follow_orders(
        self,
        *,
        every_ms: int = 500,
        cursor: str | None = None,
        account: str | None = None,
        patience_s: float = 60.0,
        lost: Callable[[str], None] = lambda _: None,
    ) -> Stream[OrderSummary]:
        """Yield each order that has changed, as `AsyncClient.follow_orders` does.

        `lost` is called on the thread of the connections.
        """
        following = self._client.follow_orders(
            every_ms=every_ms, cursor=cursor, account=account, patience_s=patience_s, lost=lost
        )
        return Stream(following, self._each)

    def _each(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        try:
            while (item := self._wait(_next(items))) is not None:
                yield item
        except GeneratorExit:  # Nobody wants the rest.
            self._wait(items.aclose())
            raise

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return waiting.result()
        except BaseException:
            waiting.cancel()  # The caller was interrupted: what it waited for ends too.
            raise


class Stream(Generic[T]):
    """All that happens to an account's orders: iterate over it. `cursor` is behind it."""

    def __init__(
        self,
        following: AccountFollowing[T],
        each: Callable[[AsyncGenerator[T | Lost, None]], Iterator[T | Lost]],
    ) -> None:
        self._following = following
        self._each = each

    @property
    def cursor(self) -> str | None:
        """Return the cursor behind all that was handed out."""
        return self._following.cursor

    def __iter__(self) -> Iterator[T | Lost]:
        return self._each(self._following.items())


async def _next(items: AsyncGenerator[T, None]) -> T | None:
    return await anext(items, None)
