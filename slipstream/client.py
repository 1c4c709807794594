"""The client for asyncio. `slipstream.sync` has the same for everybody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Self, Unpack
from urllib.parse import quote
from uuid import uuid4

from slipstream.asking import FillFilter, Filter, NewOrder, headers_of, query_of, visible
from slipstream.errors import Refused, Unavailable
from slipstream.figures import Attention, Flow, Pair, Prices, Quality, System
from slipstream.files import lines_of
from slipstream.following.account import AccountFollowing
from slipstream.following.order import Following
from slipstream.http import Http, checked_url
from slipstream.models import (
    Accepted,
    Batch,
    Event,
    Fill,
    FillPage,
    Order,
    OrderSummary,
    Page,
    Quotes,
    Token,
    Tokens,
    Wallets,
    event_of,
    events_in,
    orders_in,
)
from slipstream.reading import accepted_in, outcome_of, read
from slipstream.stats import Stats
from slipstream.venues import Venue, Venues

_ORDERS = "/api/orders"
_FILLS = "/api/fills"
_PAGE = 200


def _order(order_id: str) -> str:
    # What is no id must not become another address.
    return f"{_ORDERS}/{quote(order_id, safe='')}"


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
        self._headers = {"authorization": f"Bearer {visible(api_key)}"} if api_key else {}
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
        client_order_id: str | None = None,
        key: str | None = None,
    ) -> Accepted:
        """Place an order: give exactly `amount_in`, get as much of `token_out` as possible.

        With the same `key` or `client_order_id` again, also by another process, it is the same
        order. Without either a key is made up, so that this call places one order however often
        it is sent; an error after which the order may exist has it, to be sent again with.
        """
        order = NewOrder(
            token_in, token_out, amount_in, max_slippage_bps, expires_at, client_order_id
        )
        headers = headers_of(None if client_order_id and not key else key or uuid4().hex)
        answer = await self._http.request(
            "POST", f"{_ORDERS}/execute", json=order.as_json(), headers=headers
        )
        return accepted_in(answer)

    async def submit_batch(
        self, orders: Sequence[NewOrder], *, key: str | None = None
    ) -> list[Accepted | Refused]:
        """Place up to 1,000 orders at once, and return what became of each, in their order.

        One that is `Unavailable` can be sent again, with all the others and the same `key`: those
        that were accepted stay what they are.
        """
        answer = await self._http.request(
            "POST",
            f"{_ORDERS}/batch",
            json={"orders": [order.as_json() for order in orders]},
            headers=headers_of(key or uuid4().hex),
        )
        return [outcome_of(item, answer.key) for item in read(answer, Batch).orders]

    async def tokens(self) -> tuple[Token, ...]:
        """Return the tokens that may be traded."""
        return read(await self._http.request("GET", "/api/tokens"), Tokens).tokens

    async def wallets(self) -> Wallets:
        """Return the wallets that pay for the caller's orders, and what they hold."""
        return read(await self._http.request("GET", "/api/wallets"), Wallets)

    async def venues(self) -> tuple[Venue, ...]:
        """Return the venues that orders may go to, and how each does."""
        return read(await self._http.request("GET", "/api/venues"), Venues).venues

    async def quotes(
        self,
        token_in: str,
        token_out: str,
        amount_in: Decimal | int | str,
        *,
        max_slippage_bps: int = 100,
    ) -> Quotes:
        """Return what the venues offer for a swap at the moment. Nothing is placed."""
        order = NewOrder(token_in, token_out, amount_in, max_slippage_bps)
        answer = await self._http.request("POST", "/api/quotes", json=order.as_json())
        return read(answer, Quotes)

    async def get(self, order_id: str) -> Order:
        """Return an order as it stands."""
        return read(await self._http.request("GET", _order(order_id)), Order)

    async def events(self, order_id: str) -> list[Event]:
        """Return everything that has happened to an order, oldest first."""
        answer = await self._http.request("GET", f"{_order(order_id)}/events")
        return [event_of(fields) for fields in read(answer, list[dict[str, Any]])]

    async def page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        total: bool = False,
        **wanted: Unpack[Filter],
    ) -> Page:
        """Return a page of up to `limit` (1 to 200) orders, newest first.

        `cursor` is the `next` of the page before. Orders that come in meanwhile shift nothing. With
        `total` it says how many there are on all pages.
        """
        query = query_of(wanted, cursor=cursor, limit=limit, total=total)
        return read(await self._http.request("GET", _ORDERS, params=query), Page)

    async def orders(self, **wanted: Unpack[Filter]) -> AsyncGenerator[OrderSummary, None]:
        """Yield every order that is wanted, newest first, reading page after page."""
        page = await self.page(limit=_PAGE, **wanted)
        while True:
            for order in page.orders:
                yield order
            if page.next is None:
                return
            page = await self.page(cursor=page.next, limit=_PAGE, **wanted)

    async def fill_page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        total: bool = False,
        **wanted: Unpack[FillFilter],
    ) -> FillPage:
        """Return a page of up to `limit` (1 to 200) fills, as `page` does of orders."""
        query = query_of(wanted, cursor=cursor, limit=limit, total=total)
        return read(await self._http.request("GET", _FILLS, params=query), FillPage)

    async def fills(self, **wanted: Unpack[FillFilter]) -> AsyncGenerator[Fill, None]:
        """Yield every fill that is wanted, the one confirmed last first."""
        page = await self.fill_page(limit=_PAGE, **wanted)
        while True:
            for fill in page.fills:
                yield fill
            if page.next is None:
                return
            page = await self.fill_page(cursor=page.next, limit=_PAGE, **wanted)

    def orders_csv(
        self, *, limit: int | None = None, **wanted: Unpack[Filter]
    ) -> AsyncGenerator[bytes, None]:
        """Yield the orders that are wanted as parts of a file of CSV, with a header line.

        There are up to `limit` (1 to 100,000) of them, or all. Raises `Unreachable` where the file
        breaks off; what was yielded is a part then.
        """
        query = query_of(wanted, limit=limit, format="csv")
        return lines_of(self._http, _ORDERS, query, to_the_end=limit is None)

    def fills_csv(
        self, *, limit: int | None = None, **wanted: Unpack[FillFilter]
    ) -> AsyncGenerator[bytes, None]:
        """Yield fills as parts of a file of CSV, as `orders_csv` does orders."""
        query = query_of(wanted, limit=limit, format="csv")
        return lines_of(self._http, _FILLS, query, to_the_end=limit is None)

    async def cancel(self, order_id: str) -> Order:
        """Cancel an order. Raises `NotCancelled` once it is signed or has ended otherwise."""
        return read(await self._http.request("DELETE", _order(order_id)), Order)

    async def stats(self) -> Stats:
        """Return how many orders wait, are under way and have ended, and how far services lag."""
        return read(await self._http.request("GET", f"{_ORDERS}/stats"), Stats)

    async def system(self) -> System:
        """Return what the gateway's Slipstream is made of, and whether all of it is well."""
        return read(await self._http.request("GET", "/api/system"), System)

    async def flow(self) -> Flow:
        """Return how many orders stand where, come and end a second, and how long hops take."""
        return read(await self._http.request("GET", "/api/flow"), Flow)

    async def attention(self) -> Attention:
        """Return what needs somebody, the worst first, each with one thing to do."""
        return read(await self._http.request("GET", "/api/attention"), Attention)

    async def prices(self, *pairs: str) -> tuple[Pair, ...]:
        """Return the prices of pairs such as `SOL/USDC` by venue; of every token without any."""
        params = {"pair": pairs} if pairs else None
        answer = await self._http.request("GET", "/api/prices", params=params)
        return read(answer, Prices).pairs

    async def quality(self, *, since: datetime | None = None) -> Quality:
        """Return how well orders were done, venue by venue; those of the last hour by default."""
        params = {"since": since.isoformat()} if since else None
        return read(await self._http.request("GET", "/api/quality", params=params), Quality)

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

    def follow_account(
        self,
        *,
        cursor: str | None = None,
        account: str | None = None,
        patience_s: float = 60.0,
        lost: Callable[[str], None] = lambda _: None,
    ) -> AccountFollowing[Event]:
        """Yield every event of every order of the key's account, once and each order's in order.

        It begins behind `cursor`, or now. An admin's key follows everybody's orders, or those of
        one `account`. Where history is lost a `Lost` is yielded, and the stream goes on. A broken
        connection is resumed where it broke; `lost` is told why it did. Raises `Unreachable` when
        no gateway answers for `patience_s` seconds.
        """
        return AccountFollowing(
            url=self.url,
            headers=self._headers,
            query=_asked(account=account),
            cursor=cursor,
            read=events_in,
            patience_s=patience_s,
            lost=lost,
        )

    def follow_orders(
        self,
        *,
        every_ms: int = 500,
        cursor: str | None = None,
        account: str | None = None,
        patience_s: float = 60.0,
        lost: Callable[[str], None] = lambda _: None,
    ) -> AccountFollowing[OrderSummary]:
        """Yield each order that has changed as it stands then, at most once in `every_ms`.

        Else it is like `follow_account`. 100 to 10,000 ms can be had.
        """
        return AccountFollowing(
            url=self.url,
            headers=self._headers,
            query=_asked(account=account, coalesce=str(every_ms)),
            cursor=cursor,
            read=orders_in,
            patience_s=patience_s,
            lost=lost,
        )


def _asked(**query: str | None) -> Mapping[str, str]:
    return {name: value for name, value in query.items() if value is not None}
