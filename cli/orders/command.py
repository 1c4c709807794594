"""`slipstream orders`: the commands, and those about one order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from cli import addresses, options, splits
from cli.addresses import client_of
from cli.conflicts import show_fields
from cli.console import EXIT_CODES, OK, out, run
from cli.orders import listing
from cli.orders.words import as_json, flags, swap
from shared.clock import rfc3339
from slipstream import AsyncClient, Order

app = typer.Typer(
    help="List orders and fills, show an order, cancel one.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)
app.command(name="list", epilog=listing.list_help)(listing.list_orders)
app.command(name="fills", epilog=listing.fills_help)(listing.list_fills)

OrderId = Annotated[str, typer.Argument(help="The order's id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the names of the API.")]


@app.command(epilog="Example: slipstream orders show 0199c0de-0000-7000-8000-000000000001")
def show(
    *,
    order_id: OrderId,
    json: Json = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Show an order as it stands, and how it came there."""

    async def work(client: AsyncClient) -> int:
        return _show(await client.get(order_id), json=json)

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


@app.command(epilog="Example: slipstream orders cancel 0199c0de-0000-7000-8000-000000000001")
def cancel(
    *,
    order_id: OrderId,
    json: Json = False,
    url: addresses.Gateway = None,
    api_key: addresses.ApiKey = None,
    data_dir: options.OfStack = None,
) -> None:
    """Cancel an order, which is possible until it is signed. Show it as it stands then."""

    async def work(client: AsyncClient) -> int:
        return _show(await client.cancel(order_id), json=json)

    run(client_of(addresses.find(data_dir, gateway=url).gateway, api_key, work))


def _show(order: Order, *, json: bool) -> int:
    if json:
        out.print(as_json(order), markup=False)
        return OK
    show_fields({name: value for name, value in _fields(order) if value})
    return OK


def _fields(order: Order) -> Iterator[tuple[str, str]]:
    yield "order", order.order_id
    yield "status", f"{order.status}{flags(order)}"
    yield "swap", f"{swap(order)}, at most {order.max_slippage_bps} bps below the quote"
    yield "summary", order.summary
    yield "next", _next(order)
    yield "route", order.route.why if order.route else ""
    yield "split", _split(order)
    yield "at least", f"{order.min_out:f} {order.token_out}" if order.min_out else ""
    yield "price", f"{order.price:.8g}" if order.price else ""
    yield "failure", f"{order.failure.reason}: {order.failure.detail}" if order.failure else ""
    yield "signature", order.signature or ""
    yield "name", order.client_order_id or ""
    yield "expires", rfc3339(order.expires_at, "seconds") if order.expires_at else ""
    for change in order.status_history:
        yield change.status, rfc3339(change.at)


def _next(order: Order) -> str:
    if order.next is None:
        return ""
    at = f" ({rfc3339(order.next.at)})" if order.next.at else ""
    return f"{order.next.what}{at} {order.next.because}"


def _split(order: Order) -> str:
    quotes = (quote for quote in order.quotes if quote.venue == order.venue)
    return next((splits.words(one, order.amount_in, order.token_out) for one in quotes), "")
